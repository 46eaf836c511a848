"""Every public method runs under the object's own re-entrant lock, put there by a decorator."""

import functools
import threading


def synchronized(method):
    @functools.wraps(method)
    def locked(self, *args):
        with self._monitor:
            return method(self, *args)

    return locked


class Stock:
    def __init__(self, **items):
        self._monitor = threading.RLock()
        self._items = items

    @synchronized
    def count(self, name):
        return self._items.get(name, 0)

    @synchronized
    def add(self, name, n):
        self._items[name] = self.count(name) + n

    @synchronized
    def move(self, source, target):
        if self.count(source):
            self.add(source, -1)
            self.add(target, 1)

    @synchronized
    def total(self):
        return sum(self._items.values())


def main():
    stock, totals = Stock(shelf=2, cart=1), []
    threads = [
        threading.Thread(target=stock.move, args=("shelf", "cart")),
        threading.Thread(target=stock.move, args=("cart", "shelf")),
        threading.Thread(target=lambda: totals.append(stock.total())),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [3]
    assert (stock.count("shelf"), stock.count("cart")) == (2, 1)
