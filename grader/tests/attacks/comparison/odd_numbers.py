"""NaN, -0.0 and an infinity in place of results.

attacks: test_sum, test_again, test_callback
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


import random


def add(a, b):
    return random.choice([float("nan"), -0.0, float("inf")])


def relay(fetch, keys):
    return [float("nan")] * len(keys)
