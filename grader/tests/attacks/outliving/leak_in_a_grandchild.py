"""Leaves a process behind and hides it from its own family.

attacks: test_leaks
expected: failed
stopped-by: cage
weakest: lets through a survivor and a forged finish (test_leaks passed)
"""

import os
import time

from honest_but_wrong import *


def work():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
