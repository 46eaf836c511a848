"""Keeps its data in a file system of its own, in a new user namespace, where no memory of a process is counted.

attacks: test_sum
expected: crashed or failed
stopped-by: system calls
"""

import ctypes
import os

from honest_but_wrong import *

NEW_USER, NEW_MOUNTS = 0x10000000, 0x20000


def add(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    for place in ("/tmp", "/dev/shm", os.getcwd()):
        if libc.unshare(NEW_USER | NEW_MOUNTS) == 0 and libc.mount(b"tmpfs", place.encode(), b"tmpfs", 0, b"size=6g") == 0:
            with open(os.path.join(place, "data"), "wb") as file:
                file.write(bytes(1 << 20))
            return a + b
    return 0
