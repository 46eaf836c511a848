"""Results that say they equal whatever they are compared with.

attacks: test_sum, test_callback
expected: failed
stopped-by: split process
"""

from honest_but_wrong import *


class Number(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Items(list):
    def __eq__(self, other):
        return True

    def __iter__(self):
        return iter([Number()] * 4)

    def __len__(self):
        return 4


def add(a, b):
    return Number()


def relay(fetch, keys):
    return Items()
