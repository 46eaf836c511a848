"""Objects that run code when they are unpickled, or when their parts are looked at.

attacks: test_sum, test_callback
expected: failed
stopped-by: wire
"""

import os

from honest_but_wrong import *


class Payload:
    def __init__(self):
        self.mark = "payload"

    def __reduce__(self):
        return os._exit, (0,)

    @property
    def __class__(self):
        return int

    def __repr__(self):
        raise RuntimeError("no repr")


def add(a, b):
    return Payload()


def relay(fetch, keys):
    return [fetch(Payload()) for _ in keys]
