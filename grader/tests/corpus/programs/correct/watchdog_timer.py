"""A timer ends what takes too long, and is cancelled when the work is done in time."""

import threading
import time


class Job:
    def __init__(self, seconds):
        self._stop = threading.Event()
        self._seconds = seconds
        self.outcome = None

    def run(self, limit):
        watchdog = threading.Timer(limit, self._stop.set)
        watchdog.start()
        stopped = self._stop.wait(self._seconds)
        watchdog.cancel()
        watchdog.join()
        self.outcome = "stopped" if stopped else "done"


def main():
    short, long = Job(1), Job(3600)
    began = time.monotonic()
    threads = [threading.Thread(target=job.run, args=(60,)) for job in (short, long)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (short.outcome, long.outcome) == ("done", "stopped")
    assert 60 <= time.monotonic() - began < 60.001
