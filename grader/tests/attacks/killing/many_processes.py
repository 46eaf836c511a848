"""200 processes at once.

attacks: test_sum
expected: crashed or hung
stopped-by: limits
"""

import os
import time

from honest_but_wrong import *


def add(a, b):
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)
