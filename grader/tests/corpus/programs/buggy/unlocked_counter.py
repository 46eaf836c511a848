"""Two threads add to one number.

ends: race
says: "No lock was held"
"""

import threading


class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1


def main():
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2, f"{counter.value} of 2 additions"
