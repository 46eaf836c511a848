"""Both take one lock, fail to get the other, give up, and begin anew at once: for ever, if they keep in step.

ends: livelock
says: "no end after"
options: schedules=300
"""

import threading
import time


class Fork:
    def __init__(self):
        self.lock = threading.Lock()


def eat(first, second):
    while True:
        with first.lock:
            time.sleep(0.1)
            if second.lock.acquire(blocking=False):
                second.lock.release()
                return
        time.sleep(0.1)


def main():
    left, right = Fork(), Fork()
    threads = [threading.Thread(target=eat, args=forks) for forks in ((left, right), (right, left))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
