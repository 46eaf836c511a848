"""A result of three megabytes of text, which a check may put into its message.

attacks: test_sum, test_callback
expected: failed
stopped-by: judge
"""

from honest_but_wrong import *


def add(a, b):
    return "\x1b[31m\n" * 500_000


def relay(fetch, keys):
    return ["x" * 1_000_000] * 2
