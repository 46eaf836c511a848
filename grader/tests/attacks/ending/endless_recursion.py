"""Recursion without end and without Python's own limit.

attacks: test_sum
expected: crashed or failed or hung
stopped-by: split process
"""

import sys

from honest_but_wrong import *


def add(a, b):
    sys.setrecursionlimit(1 << 30)
    return add(a, b)
