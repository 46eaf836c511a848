"""A loop that swallows every exception, also the one that should end it.

ends: livelock
says: "no end after"
"""

import threading


class Worker:
    def __init__(self):
        self.rounds = 0

    def run(self):
        while True:
            try:
                self.rounds += 1
            except:
                pass


def main():
    thread = threading.Thread(target=Worker().run)
    thread.start()
    thread.join()
