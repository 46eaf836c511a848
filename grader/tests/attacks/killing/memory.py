"""Asks for a terabyte, then shares 100 MB among four processes.

attacks: test_sum
expected: failed or crashed or hung
stopped-by: limits
"""

import os
import time

from honest_but_wrong import *


def add(a, b):
    try:
        return len(bytes(1 << 40))
    except MemoryError:
        hoard = bytearray(100 << 20)
        for _ in range(3):
            if os.fork() == 0:
                hoard[0] = 1
                time.sleep(600)
        raise
