"""A pool that replaces a worker whose job raised."""

import queue
import threading


class Pool:
    def __init__(self):
        self._jobs = queue.Queue()
        self._threads = []
        self._hire()

    def _hire(self):
        thread = threading.Thread(target=self._work)
        self._threads.append(thread)
        thread.start()

    def _work(self):
        while (job := self._jobs.get()) is not None:
            function, done = job
            try:
                done.put((True, function()))
            except Exception as error:
                self._hire()
                done.put((False, type(error).__name__))
                return

    def submit(self, function):
        done = queue.SimpleQueue()
        self._jobs.put((function, done))
        return done

    def close(self):
        self._jobs.put(None)
        for thread in self._threads:
            thread.join()


def main():
    pool = Pool()
    answers = [pool.submit(lambda: 1 // 0), pool.submit(lambda: 6 * 7)]
    assert [answer.get() for answer in answers] == [(False, "ZeroDivisionError"), (True, 42)]
    pool.close()
