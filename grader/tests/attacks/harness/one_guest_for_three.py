"""One connection announces three guests at a rendezvous without waiting for the answers.

attacks: test_rendezvous
expected: failed
stopped-by: callbacks of the judge
"""

import socket

from honest_but_wrong import *


from grader.sandbox import remote, wire


def meet(enter, guests):
    sock = remote.connect(enter._address, enter._token, "callback")
    for guest in guests:
        wire.send(sock, {"function": enter._number, "args": ["l", guest], "kwargs": ["d"]})
    for _ in guests:
        wire.receive(sock)
