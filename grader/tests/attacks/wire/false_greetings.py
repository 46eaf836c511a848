"""Connects with wrong tokens, odd ones, twice as the same process, and too often.

attacks: test_sum, test_again
expected: failed
stopped-by: wire
"""

import gc
import json
import socket
import struct
import threading

from honest_but_wrong import *


kept = []


def greet(hello):
    data = json.dumps(hello).encode()
    sock = socket.socket(socket.AF_UNIX)
    kept.append(sock)
    try:
        sock.settimeout(1)
        sock.connect("../wire")
        sock.sendall(struct.pack(">I", len(data)) + data)
    except OSError:
        pass


def add(a, b):
    token = next(o for o in gc.get_objects() if type(o).__name__ == "Child").config["token"]
    odd = ["", "\u00e9" * 32, "\ud800", None, 7, ["x"], {"a": 1}]
    for hello in (*({"role": "control", "token": t} for t in odd), {"role": "control", "token": token}, {"role": ["x"], "token": token}, {}):
        greet(hello)
    for _ in range(200):
        greet({"role": "control", "token": token})
    return 0
