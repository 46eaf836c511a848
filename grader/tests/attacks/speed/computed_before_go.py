"""Makes the measured call while the judge waits for it to be ready, and then answers at once.

attacks: test_time
expected: failed
stopped-by: the judge's clock
"""

import sys

from honest_but_wrong import *
from grader.sandbox import wire

send = wire.send


def early(sock, message):
    if message == {"ready": True}:
        inside = sys._getframe(1).f_locals
        known.append(in_turns(*inside["args"]))
    return send(sock, message)


def in_turns(pause, times):
    return [pause(i) for i in range(times)]


def nap(pause, times):
    return known.pop()


known = []
wire.send = early
