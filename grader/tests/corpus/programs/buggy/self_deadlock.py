"""A method that has the lock calls another one that wants it.

ends: deadlock
says: "asks for it again at line", "cannot be taken twice"
"""

import threading


class Stock:
    def __init__(self):
        self._lock = threading.Lock()
        self._items = {}

    def add(self, name):
        with self._lock:
            self._items[name] = self.count(name) + 1

    def count(self, name):
        with self._lock:
            return self._items.get(name, 0)


def main():
    stock = Stock()
    thread = threading.Thread(target=stock.add, args=("apple",))
    thread.start()
    thread.join()
