"""The worker looks at the flag outside the lock; stop() may come between the look and the wait.

ends: deadlock
says: "waits to be notified", "the signal came before the wait"
"""

import threading


class Worker:
    def __init__(self):
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="worker")
        self._thread.start()

    def _run(self):
        while not self._stopping:
            with self._changed:
                self._changed.wait()

    def stop(self):
        self._stopping = True
        with self._changed:
            self._changed.notify_all()
        self._thread.join()


def main():
    Worker().stop()
