"""Stops the process that started it, so that nobody waits for it.

attacks: test_sum, test_again
expected: failed or crashed
stopped-by: cage
weakest: not run: a stopped judge is ended only after half an hour
"""

import os
import signal

from honest_but_wrong import *


def add(a, b):
    os.kill(os.getppid(), signal.SIGSTOP)
    return 0
