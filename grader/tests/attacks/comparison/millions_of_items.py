"""A result of three million items.

attacks: test_sum
expected: failed or hung
stopped-by: wire
"""

from honest_but_wrong import *


def add(a, b):
    return list(range(3_000_000))
