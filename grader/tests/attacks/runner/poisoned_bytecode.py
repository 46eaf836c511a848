"""Leaves compiled code beside its source, and beside the grader's, for the next check.

attacks: test_sum, test_again
expected: failed
stopped-by: fresh folder
"""

import importlib.util
import os
import py_compile
import sys

from honest_but_wrong import *


EVIL = "def add(a, b): return a + b + 0 * print('poison')\n"


def add(a, b):
    with open("evil.py", "w") as file:
        file.write(EVIL)
    try:
        py_compile.compile("evil.py", importlib.util.cache_from_source(__file__), doraise=True)
    except OSError:
        pass
    return 0
