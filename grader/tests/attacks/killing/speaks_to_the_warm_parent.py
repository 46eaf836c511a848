"""Sends the judge's orders on every socket it has inherited.

attacks: test_sum, test_again
expected: failed or crashed
stopped-by: split process
"""

import json
import os
import socket
import struct

from honest_but_wrong import *


def add(a, b):
    orders = [{"sweep": True}, {"fork": {}}, {"wait": 1, "seconds": 9}, {"shared": True}]
    data = b"".join(struct.pack(">I", len(text)) + text for text in (json.dumps(order).encode() for order in orders))
    for number in range(1, 30):
        try:
            socket.socket(fileno=os.dup(number)).send(data, socket.MSG_DONTWAIT)
        except OSError:
            pass
    return 0
