"""Kills the process that started it.

attacks: test_sum, test_again
expected: failed or crashed
stopped-by: cage
weakest: lets through the end of the judge, whose temporary folder is a survivor (judge error)
"""

import os
import signal

from honest_but_wrong import *


def add(a, b):
    os.kill(os.getppid(), signal.SIGKILL)
    return 0
