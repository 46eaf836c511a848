"""A thread ends the process while the call waits.

attacks: test_sum
expected: crashed
stopped-by: split process
"""

import os
import threading

from honest_but_wrong import *


def add(a, b):
    threading.Timer(0.05, os._exit, [0]).start()
    threading.Event().wait()
