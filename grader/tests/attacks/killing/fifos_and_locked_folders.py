"""FIFOs and folders without rights where the judge reads, lists and removes.

attacks: test_sum, test_leaks
expected: failed
stopped-by: fresh folder
"""

import os

from honest_but_wrong import *


def add(a, b):
    for place in (".", "../temp", "../home"):
        os.mkfifo(f"{place}/fifo")
        os.makedirs(f"{place}/locked/inside")
        os.chmod(f"{place}/locked", 0)
    return 0


def work():
    add(0, 0)
    os.chmod("../work", 0)
