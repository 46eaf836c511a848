"""A result that computes itself when it is compared.

attacks: test_sum, test_callback
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


class Lazy:
    def __init__(self, work):
        self.work = work

    def __eq__(self, other):
        return self.work() == other or True


def add(a, b):
    return Lazy(lambda: a + b)


def relay(fetch, keys):
    return Lazy(lambda: [fetch(key) for key in keys])
