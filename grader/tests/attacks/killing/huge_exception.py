"""An exception with 100 MB of text, and one whose class has a name of a megabyte.

attacks: test_sum, test_callback
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


def add(a, b):
    raise RuntimeError("x" * 100_000_000)


def relay(fetch, keys):
    raise type("E" * 1_000_000, (Exception,), {})("y")
