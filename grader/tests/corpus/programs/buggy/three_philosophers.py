"""Each philosopher takes the fork on the left, then the one on the right.

ends: deadlock
says: "Aristotle holds", "Plato holds", "Socrates holds"
"""

import threading

NAMES = ("Aristotle", "Plato", "Socrates")


class Table:
    def __init__(self):
        self.forks = [threading.Lock() for _ in NAMES]
        self.meals = []

    def eat(self, seat):
        left, right = self.forks[seat], self.forks[(seat + 1) % len(NAMES)]
        with left:
            with right:
                self.meals.append(seat)


def main():
    table = Table()
    threads = [threading.Thread(target=table.eat, args=(seat,), name=name) for seat, name in enumerate(NAMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(table.meals) == [0, 1, 2]
