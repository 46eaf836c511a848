"""A table with a lock for each group of keys."""

import threading


class Counts:
    def __init__(self, stripes=2):
        self._locks = [threading.Lock() for _ in range(stripes)]
        self._parts = [{} for _ in range(stripes)]

    def add(self, key):
        number = key % len(self._locks)
        with self._locks[number]:
            part = self._parts[number]
            part[key] = part.get(key, 0) + 1

    def total(self):
        for lock in self._locks:
            lock.acquire()
        try:
            return sum(sum(part.values()) for part in self._parts)
        finally:
            for lock in self._locks:
                lock.release()


def main():
    counts = Counts()

    def count(*keys):
        for key in keys:
            counts.add(key)
        assert counts.total() >= len(keys)

    threads = [threading.Thread(target=count, args=keys) for keys in ((0, 1), (1, 2), (3,))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.total() == 5
