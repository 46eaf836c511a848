"""A mutex made of a semaphore, and a door between two threads: one waits, the other lets it through."""

import threading


class PingPong:
    def __init__(self):
        self._mutex = threading.Semaphore(1)
        self._turns = {"ping": threading.Semaphore(1), "pong": threading.BoundedSemaphore(1)}
        self._turns["pong"].acquire()
        self.said = []

    def say(self, word, other):
        for _ in range(2):
            self._turns[word].acquire()
            with self._mutex:
                self.said.append(word)
            self._turns[other].release()


def main():
    game = PingPong()
    threads = [
        threading.Thread(target=game.say, args=("pong", "ping")),
        threading.Thread(target=game.say, args=("ping", "pong")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert game.said == ["ping", "pong"] * 2
