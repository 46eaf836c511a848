"""Sends thousands of open descriptors to the judge.

attacks: test_sum
expected: failed
stopped-by: wire
"""

import array
import gc
import os
import socket
import struct

from honest_but_wrong import *


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


def add(a, b):
    numbers = array.array("i", [os.open("/dev/null", os.O_RDONLY)] * 100)
    for _ in range(200):
        control().sendmsg([struct.pack(">I", 0xFFFFFFFF)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
    return 0
