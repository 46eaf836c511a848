"""Many readers or one writer; writers that wait go before new readers."""

import contextlib
import threading


class ReadWriteLock:
    def __init__(self):
        self._state = threading.Condition(threading.Lock())
        self._readers = self._writers_waiting = 0
        self._writing = False

    @contextlib.contextmanager
    def reading(self):
        with self._state:
            while self._writing or self._writers_waiting:
                self._state.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._state:
                self._readers -= 1
                if not self._readers:
                    self._state.notify_all()

    @contextlib.contextmanager
    def writing(self):
        with self._state:
            self._writers_waiting += 1
            while self._writing or self._readers:
                self._state.wait()
            self._writers_waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._state:
                self._writing = False
                self._state.notify_all()


class Pair:
    def __init__(self):
        self._lock = ReadWriteLock()
        self.left = self.right = 0

    def step(self):
        with self._lock.writing():
            self.left += 1
            self.right += 1

    def is_even(self):
        with self._lock.reading():
            return self.left == self.right


def main():
    pair, seen = Pair(), []
    threads = [threading.Thread(target=lambda: seen.append(pair.is_even())) for _ in range(2)]
    threads.insert(1, threading.Thread(target=pair.step))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True, True]
    assert (pair.left, pair.right) == (1, 1)
