"""Ends its process with exit code 0 in the middle of a call.

attacks: test_sum
expected: crashed
stopped-by: split process
"""

import os

from honest_but_wrong import *


def add(a, b):
    os._exit(0)
