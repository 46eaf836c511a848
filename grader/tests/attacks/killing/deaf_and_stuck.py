"""Ignores all signals and holds the interpreter in one long computation.

attacks: test_sum
expected: hung
stopped-by: deadline
"""

import signal

from honest_but_wrong import *


def add(a, b):
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    return pow(7, 7**11)
