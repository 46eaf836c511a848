"""Waits while it holds a re-entrant lock twice; the wait gives back both."""

import threading


class Gate:
    def __init__(self):
        self._lock = threading.RLock()
        self._opened = threading.Condition(self._lock)
        self._open = False

    def pass_through(self):
        with self._lock:
            self._wait()
            return self._open

    def _wait(self):
        with self._opened:
            while not self._open:
                self._opened.wait()

    def open(self):
        with self._lock:
            self._open = True
            self._opened.notify_all()


def main():
    gate, passed = Gate(), []
    threads = [threading.Thread(target=lambda: passed.append(gate.pass_through())) for _ in range(2)]
    threads.append(threading.Thread(target=gate.open))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == [True, True]
