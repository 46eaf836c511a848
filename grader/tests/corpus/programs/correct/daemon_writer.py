"""A daemon thread writes, for ever; nobody stops it, everybody only waits until all is written."""

import queue
import threading


class Log:
    def __init__(self):
        self.lines = []
        self._waiting = queue.PriorityQueue()
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self):
        while True:
            self.lines.append(self._waiting.get()[1])
            self._waiting.task_done()

    def log(self, urgency, line):
        self._waiting.put((urgency, line))

    def flush(self):
        self._waiting.join()


def main():
    log = Log()
    threads = [threading.Thread(target=log.log, args=(n, f"line {n}")) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.flush()
    assert sorted(log.lines) == ["line 0", "line 1"]
