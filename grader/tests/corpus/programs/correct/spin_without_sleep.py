"""Peterson's algorithm: two threads exclude each other with three variables and a loop that only looks."""

import threading


class Peterson:
    def __init__(self):
        self.wants = [False, False]
        self.turn = 0

    def enter(self, me):
        self.wants[me] = True
        self.turn = 1 - me
        while self.wants[1 - me] and self.turn == 1 - me:
            pass

    def leave(self, me):
        self.wants[me] = False


def main():
    door, total = Peterson(), {"n": 0}

    def add(me):
        for _ in range(2):
            door.enter(me)
            total["n"] += 1
            door.leave(me)

    threads = [threading.Thread(target=add, args=(me,)) for me in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total["n"] == 4
