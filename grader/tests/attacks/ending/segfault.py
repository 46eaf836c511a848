"""Reads from address 0.

attacks: test_sum
expected: crashed
stopped-by: split process
"""

import ctypes

from honest_but_wrong import *


def add(a, b):
    return ctypes.string_at(0)
