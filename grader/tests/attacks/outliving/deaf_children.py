"""Children that ignore every signal they may.

attacks: test_leaks
expected: failed
stopped-by: cage
weakest: lets through a survivor and a forged finish (test_leaks passed)
"""

import os
import signal
import time

from honest_but_wrong import *


def work():
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
