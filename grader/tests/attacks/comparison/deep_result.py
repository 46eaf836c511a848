"""A result that is nested 200,000 levels deep, and one that holds itself.

attacks: test_sum, test_callback
expected: failed or crashed
stopped-by: wire
"""

from honest_but_wrong import *


def add(a, b):
    nest = []
    for _ in range(200_000):
        nest = [nest]
    return nest


def relay(fetch, keys):
    result = []
    result.append(result)
    return result
