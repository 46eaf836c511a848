"""Writes stacks of its own making, in both forms that are read, and hangs.

attacks: test_sum, test_callback
expected: hung
stopped-by: judge
"""

import gc
import json
import os
import signal
import threading

from honest_but_wrong import *


def write(text):
    for number in range(3, 60):
        try:
            if os.readlink(f"/proc/self/fd/{number}").endswith("/stacks"):
                os.write(number, text.encode())
        except OSError:
            pass


def hang(text):
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    write(text)
    threading.Event().wait()


def add(a, b):
    frame = [["a", float("inf"), "b", "\x1b[2J"]]
    lies = [{"threads": [{"name": "MainThread", "frames": frame}], "tasks": [], "waits": [], "child": False}]
    lies += [{"threads": {"a": 1}, "tasks": 7, "waits": None, "child": 0}, {"threads": "abc"}]
    hang("\n" + "".join(json.dumps(lie) + "\n" for lie in lies))


def relay(fetch, keys):
    hang('\nThread 0x1:\n  File "/x/stage/relay.py", line \u00b2 in f\n  File "/x/stage/relay.py", line ' + "9" * 9000 + " in g\n")
