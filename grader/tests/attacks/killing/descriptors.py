"""Opens every descriptor it can get and keeps them.

attacks: test_sum
expected: failed or crashed
stopped-by: limits
"""

import os

from honest_but_wrong import *


kept = []


def add(a, b):
    for _ in range(2000):
        kept.append(os.open("/dev/null", os.O_RDONLY))
    return 0
