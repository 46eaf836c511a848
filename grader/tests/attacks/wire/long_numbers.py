"""A number of a million digits, one in hexadecimal, and a number as a tag.

attacks: test_sum, test_callback, test_rendezvous
expected: failed
stopped-by: wire
"""

import gc
import struct

from honest_but_wrong import *


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


def raw(text):
    control().sendall(struct.pack(">I", len(text)) + text)


def add(a, b):
    raw(b'{"value": ' + b"7" * 1_000_000 + b"}")
    return 0


def relay(fetch, keys):
    raw(b'{"value": ["i", "0x' + b"f" * 1_000_000 + b'"]}')
    return 0


def meet(enter, guests):
    raw(b'{"value": [1, 2]}')
    return 0
