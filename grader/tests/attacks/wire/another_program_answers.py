"""Becomes another program, which goes on answering on the same connection.

attacks: test_sum, test_again
expected: failed or crashed
stopped-by: fresh data
"""

import gc
import os
import sys

from honest_but_wrong import *


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


PROGRAM = """
import json, socket, struct
sock = socket.socket(fileno=%d)
for _ in range(5):
    data = json.dumps({"value": 42}).encode()
    sock.sendall(struct.pack(">I", len(data)) + data)
sock.recv(1 << 20)
"""


def add(a, b):
    number = control().fileno()
    os.set_inheritable(number, True)
    os.execv(sys.executable, [sys.executable, "-S", "-c", PROGRAM % number])
