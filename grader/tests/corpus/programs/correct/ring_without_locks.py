"""One producer, one consumer: each writes its own index only, as the last step."""

import threading
import time


class Ring:
    def __init__(self, size):
        self._slots = [None] * size
        self._written = self._read = 0

    def put(self, item):
        while self._written - self._read == len(self._slots):
            time.sleep(0)
        self._slots[self._written % len(self._slots)] = item
        self._written += 1

    def get(self):
        while self._written == self._read:
            time.sleep(0)
        item = self._slots[self._read % len(self._slots)]
        self._read += 1
        return item


def main():
    ring, got = Ring(2), []

    def consume():
        for _ in range(4):
            got.append(ring.get())

    consumer = threading.Thread(target=consume)
    consumer.start()
    for n in range(4):
        ring.put(n)
    consumer.join()
    assert got == [0, 1, 2, 3]
