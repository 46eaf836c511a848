"""Holds the lock with which timing checks keep the machine to themselves.

attacks: test_sum
expected: failed
stopped-by: cage
"""

import fcntl
import os
import time

from honest_but_wrong import *


def add(a, b):
    place = os.path.join(os.environ["TMPDIR"], "..", "..", f"grader-{os.getuid()}", "turnstile")
    try:
        with open(place, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            time.sleep(1)  # everybody else waits so long, and no longer than the check's deadline
    except OSError:
        pass
    return 0
