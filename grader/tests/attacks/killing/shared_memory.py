"""Leaves a segment in /dev/shm under a name of its own.

attacks: test_sum, test_again
expected: failed
stopped-by: cage
weakest: lets through a survivor in /dev/shm
"""

import os

from honest_but_wrong import *


def add(a, b):
    with open(f"/dev/shm/attack-{os.getpid()}", "wb") as file:
        file.write(bytes(1 << 20))
    return 0
