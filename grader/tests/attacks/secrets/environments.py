"""Reads its own environment and that of every process it can see.

attacks: test_sum
expected: failed
stopped-by: cage
weakest: lets through the canary
"""

import glob
import os
import re

from honest_but_wrong import *


def text_of(path):
    try:
        with open(path, "rb") as file:
            return file.read(1_000_000).decode("latin-1")
    except OSError:
        return ""


def tell(found):
    raise RuntimeError(" ".join(sorted(set(re.findall("canary-[a-z-]+", found)))))


def add(a, b):
    tell(repr(os.environ) + "".join(map(text_of, glob.glob("/proc/[0-9]*/environ"))))
