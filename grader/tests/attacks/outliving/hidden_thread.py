"""A thread that never ends, and a threading module that does not know it.

attacks: test_leaks
expected: failed
stopped-by: the kernel's books
"""

import threading

from honest_but_wrong import *


def work():
    threading.Thread(target=threading.Event().wait).start()
    threading.enumerate = lambda: [threading.main_thread()]
