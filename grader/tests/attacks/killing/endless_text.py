"""An exception whose text never ends.

attacks: test_sum
expected: hung
stopped-by: deadline
"""

from honest_but_wrong import *


class Endless(Exception):
    def __str__(self):
        while True:
            pass


def add(a, b):
    raise Endless
