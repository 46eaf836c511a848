"""SystemExit, KeyboardInterrupt and GeneratorExit from inside of calls.

attacks: test_sum, test_callback, test_leaks
expected: failed
stopped-by: split process
"""

from honest_but_wrong import *


def add(a, b):
    raise SystemExit(0)


def relay(fetch, keys):
    raise KeyboardInterrupt


def work():
    raise GeneratorExit
