"""Producers and consumers wait for one condition, and each change wakes one of them: maybe the wrong one.

ends: deadlock
says: "waits to be notified", "went to another waiter"
"""

import threading


class Slot:
    def __init__(self):
        self._items = []
        self._changed = threading.Condition()

    def put(self, item):
        with self._changed:
            while self._items:
                self._changed.wait()
            self._items.append(item)
            self._changed.notify()

    def get(self):
        with self._changed:
            while not self._items:
                self._changed.wait()
            item = self._items.pop()
            self._changed.notify()
            return item


def main():
    slot = Slot()
    threads = [threading.Thread(target=slot.get) for _ in range(2)]
    threads += [threading.Thread(target=slot.put, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
