"""A dictionary whose integer keys share one hash, which costs quadratic time.

attacks: test_sum
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


def add(a, b):
    return {k * ((1 << 61) - 1): 0 for k in range(4_000)}
