"""One thread swallows every exception in a loop without end while others lose an update.

ends: race, livelock
says: "of 2 additions", "no end after"
"""

import threading


class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1


def spin():
    n = 0
    while True:
        try:
            n += 1
        except:
            pass


def main():
    counter = Counter()
    threading.Thread(target=spin, daemon=True).start()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2, f"{counter.value} of 2 additions"
