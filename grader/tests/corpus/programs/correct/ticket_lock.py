"""Everybody draws a number and waits until it is called: fair, without a lock of the library."""

import itertools
import threading
import time


class TicketLock:
    def __init__(self):
        self._numbers = itertools.count()
        self._called = 0

    def __enter__(self):
        mine = next(self._numbers)
        while self._called != mine:
            time.sleep(0)

    def __exit__(self, *_):
        self._called += 1


class Counter:
    def __init__(self):
        self._lock = TicketLock()
        self.value = 0

    def add(self):
        with self._lock:
            self.value += 1


def main():
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 3
