"""Puts a FIFO in place of the file from which the judge reads the stacks, and hangs.

attacks: test_sum
expected: hung
stopped-by: fresh folder
"""

import os
import signal
import threading

from honest_but_wrong import *


def add(a, b):
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        os.unlink("../stacks")
        os.mkfifo("../stacks")
    except OSError:
        pass
    threading.Event().wait()
