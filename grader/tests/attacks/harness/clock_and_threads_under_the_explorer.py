"""Replaces modules time and threading before anything is explored.

attacks: test_threads, test_tasks
expected: failed or hung
stopped-by: control
"""

import sys
import threading
import time
import types

from honest_but_wrong import *


class Thread(threading.Thread):
    def start(self):
        self.run()

    def join(self, timeout=None):
        pass


fake = types.ModuleType("threading")
fake.__dict__.update(vars(threading), Thread=Thread)
sys.modules["threading"] = fake
threading.Thread = Thread
time.monotonic = time.perf_counter = lambda: 0.0
sys.settrace = lambda function: None
if hasattr(sys, "monitoring"):
    sys.monitoring.set_events = lambda *_: None
    sys.monitoring.set_local_events = lambda *_: None
