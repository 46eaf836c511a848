"""200 MB of output on both streams.

attacks: test_sum
expected: failed
stopped-by: limits
"""

import os

from honest_but_wrong import *


def add(a, b):
    for _ in range(100):
        os.write(1, b"x" * 1_000_000)
        os.write(2, b"\xff\x1b[" * 333_333)
    return 0
