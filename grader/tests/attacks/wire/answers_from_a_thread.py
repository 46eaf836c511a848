"""A thread sends a value while the call still waits.

attacks: test_sum
expected: failed
stopped-by: fresh data
"""

import gc
import threading
import time

from honest_but_wrong import *


from grader.sandbox import wire


def control():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Child").sock


def add(a, b):
    threading.Thread(target=wire.send, args=(control(), {"value": 42})).start()
    time.sleep(0.2)
    return a
