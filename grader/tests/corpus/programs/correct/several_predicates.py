"""One condition, three kinds of waiters: for room, for an item, and until all is empty."""

import threading


class Buffer:
    def __init__(self, room):
        self._items, self._room = [], room
        self._changed = threading.Condition()

    def put(self, item):
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._room)
            self._items.append(item)
            self._changed.notify_all()

    def get(self):
        with self._changed:
            while not self._items:
                self._changed.wait()
            item = self._items.pop(0)
            self._changed.notify_all()
            return item

    def wait_until_empty(self):
        with self._changed:
            return self._changed.wait_for(lambda: not self._items, timeout=60)


def main():
    buffer, got = Buffer(1), []

    def produce():
        buffer.put(1)
        buffer.put(2)
        assert buffer.wait_until_empty()

    threads = [threading.Thread(target=lambda: got.append(buffer.get())) for _ in range(2)]
    threads.append(threading.Thread(target=produce))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [1, 2]
