"""Asks again and again for something that nobody will do.

ends: livelock
says: "no end after"
"""

import threading
import time


class Door:
    def __init__(self):
        self.is_open = False

    def wait(self):
        while not self.is_open:
            time.sleep(0.1)


def main():
    door = Door()
    thread = threading.Thread(target=door.wait)
    thread.start()
    thread.join()
