"""Sends what is no JSON, nested too deeply, no object, or of no known form.

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
    raw(b'{"value": ' + b"[" * 500_000 + b"]" * 500_000 + b"}")
    return 0


def relay(fetch, keys):
    raw(b'{"value": ["d", [["l"], 1]]}')
    return 0


def meet(enter, guests):
    raw(b"[NaN, 1]")
    return 0
