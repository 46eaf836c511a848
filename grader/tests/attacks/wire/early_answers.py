"""Sends answers before the questions, from its import.

attacks: test_sum, test_callback, test_time
expected: failed
stopped-by: fresh data
"""

import gc

from honest_but_wrong import *


from grader.sandbox import wire


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


for _ in range(5):
    wire.send(control(), {"value": ["l"]})
    wire.send(control(), {"ready": True})
    wire.send(control(), {"value": ["l", 0, 7, 14, 21, 28, 35, 42, 49]})
