"""Announces a message of four gigabytes, and on another connection one that never comes.

attacks: test_sum
expected: failed
stopped-by: wire
"""

import gc
import socket

from honest_but_wrong import *


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


kept = []


def add(a, b):
    for _ in range(5):
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].connect("../wire")
        kept[-1].sendall(b"\xff\xff\xff\xff")
    control().sendall(b"\xff\xff\xff\xff")
    return 0
