"""A thread that was started past the threading module, and a process that waits for it at its end.

attacks: test_leaks
expected: failed
stopped-by: the kernel's books
"""

import _thread
import atexit
import time

from honest_but_wrong import *


def work():
    _thread.start_new_thread(time.sleep, (600,))
    atexit.register(time.sleep, 600)
