"""Asks again and again, with a nap between."""

import threading
import time


class Download:
    def __init__(self):
        self.parts = []
        self.finished = False

    def run(self):
        for part in range(3):
            time.sleep(0.25)
            self.parts.append(part)
        self.finished = True

    def wait(self):
        while not self.finished:
            time.sleep(0.01)
        return list(self.parts)


def main():
    download = Download()
    threading.Thread(target=download.run).start()
    waiter = threading.Thread(target=lambda: seen.append(download.wait()))
    seen = []
    waiter.start()
    began = time.monotonic()
    waiter.join()
    assert seen == [[0, 1, 2]]
    assert time.monotonic() - began < 1.0
