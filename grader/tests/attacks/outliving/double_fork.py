"""A grandchild in a session of its own outlives the call.

attacks: test_sum
expected: failed
stopped-by: cage
weakest: lets through a survivor
"""

import os
import time

from honest_but_wrong import *


def add(a, b):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
    return 0
