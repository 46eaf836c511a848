"""Waits for bytes that never come.

ends: outside_control
says: "real input or output", "recv"
"""

import socket
import threading


def read(end):
    end.recv(1)


def main():
    here, there = socket.socketpair()
    with here, there:
        thread = threading.Thread(target=read, args=(here,))
        thread.start()
        thread.join()
