"""Sends a message a byte at a time and never ends it.

attacks: test_sum
expected: hung
stopped-by: deadline
"""

import gc
import time

from honest_but_wrong import *


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


def add(a, b):
    control().sendall(b"\x00\x00\x10\x00")
    while True:
        control().sendall(b" ")
        time.sleep(0.01)
