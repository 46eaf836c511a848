"""A loop that touches nothing shared and never ends.

ends: livelock
says: "no end after"
"""

import threading


def spin():
    n = 0
    while True:
        n += 1


def main():
    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()
