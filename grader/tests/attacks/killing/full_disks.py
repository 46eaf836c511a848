"""One file of 300 MB, and hundreds of folders.

attacks: test_sum
expected: failed or crashed
stopped-by: limits
"""

import os

from honest_but_wrong import *


def add(a, b):
    for number in range(300):
        os.mkdir(f"{number}")
    with open("big", "wb") as file:
        file.truncate(300 << 20)
    return 0
