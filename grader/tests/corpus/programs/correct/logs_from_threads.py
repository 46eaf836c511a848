"""Threads that write to a logger whose handler keeps the lines."""

import logging
import threading


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines = [*self.lines, f"{record.threadName} {record.getMessage()}"]


def main():
    kept = Kept()
    logger = logging.Logger("shop")
    logger.addHandler(kept)
    threads = [
        threading.Thread(target=logger.info, args=("sold %s", thing), name=thing) for thing in ("apple", "pear")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept.lines) == ["apple sold apple", "pear sold pear"]
