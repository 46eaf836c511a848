"""A woken consumer does not look again whether there is an item.

ends: exception
says: "IndexError"
"""

import threading
import time


class Box:
    def __init__(self):
        self._items = []
        self._changed = threading.Condition()

    def put(self, item):
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def get(self):
        with self._changed:
            if not self._items:
                self._changed.wait()
            return self._items.pop()


def main():
    box = Box()
    consumers = [threading.Thread(target=box.get, daemon=True) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    box.put("only one")
    time.sleep(1)
