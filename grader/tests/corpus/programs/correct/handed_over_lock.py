"""A fair lock: whoever leaves hands it to the longest waiter, who waits at an event of its own."""

import collections
import threading


class FairLock:
    def __init__(self):
        self._guard = threading.Lock()
        self._taken = False
        self._waiting = collections.deque()

    def __enter__(self):
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        mine.wait()

    def __exit__(self, *_):
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


def main():
    lock, total = FairLock(), [0]

    def add():
        with lock:
            total[0] += 1

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == [3]
