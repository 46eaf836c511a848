"""An integer that Python refuses to print breaks the check's message.

attacks: test_sum, test_callback
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


def add(a, b):
    return 1 << 200_000


def relay(fetch, keys):
    return {key: -(1 << 200_000) for key in keys}
