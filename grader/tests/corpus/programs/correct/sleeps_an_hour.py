"""Sleeps for an hour; the others go on meanwhile."""

import threading
import time


def main():
    order = []

    def nap(seconds):
        time.sleep(seconds)
        order.append(seconds)

    threads = [threading.Thread(target=nap, args=(seconds,)) for seconds in (3600, 60, 1800)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == [60, 1800, 3600]
