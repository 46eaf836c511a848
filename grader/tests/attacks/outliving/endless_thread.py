"""A thread that never ends and is no daemon.

attacks: test_leaks
expected: failed
stopped-by: finish
"""

import threading

from honest_but_wrong import *


def work():
    threading.Thread(target=threading.Event().wait).start()
