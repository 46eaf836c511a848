"""Text that cannot be written in UTF-8, as result and as message.

attacks: test_sum, test_callback
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


def add(a, b):
    return "\ud800\udfff" * 10


def relay(fetch, keys):
    raise ValueError("\udcff\ud800 \u202e\x00\x1b[2J")
