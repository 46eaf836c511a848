"""Calls functions of the judge that are not there, with arguments that are none.

attacks: test_callback
expected: failed
stopped-by: wire
"""

import json
import socket
import struct

from honest_but_wrong import *


def call(function, message):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(function._address)
    for part in ({"role": "callback", "token": function._token}, message):
        data = json.dumps(part).encode()
        sock.sendall(struct.pack(">I", len(data)) + data)
    sock.settimeout(0.1)
    try:
        return sock.recv(100)
    except OSError:
        return b""


def relay(fetch, keys):
    empty = {"args": ["l"], "kwargs": ["d"]}
    for number in (1e999, -1e999, float("nan"), -7, 99, "x", None, [], True):
        call(fetch, {"function": number, **empty})
    for args in (None, 7, ["d"], ["l", ["x", {}]], ["call", 0], ["l", *[0] * 5000]):
        call(fetch, {"function": 0, "args": args, "kwargs": ["d"]})
    for kwargs in (None, ["l"], ["d", [1, 2]], ["d", [["l"], 2]], ["d", ["a"]]):
        call(fetch, {"function": 0, "args": ["l"], "kwargs": kwargs})
    return 0
