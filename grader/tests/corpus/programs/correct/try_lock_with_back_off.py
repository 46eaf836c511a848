"""Takes the second lock only if it is free; else gives up the first one and naps for a while of its own."""

import random
import threading
import time


class Account:
    def __init__(self, balance):
        self.lock = threading.Lock()
        self.balance = balance


def transfer(source, target, amount):
    while True:
        with source.lock:
            if target.lock.acquire(blocking=False):
                try:
                    source.balance -= amount
                    target.balance += amount
                    return
                finally:
                    target.lock.release()
        time.sleep(random.uniform(0.001, 0.02))


def main():
    alice, bob = Account(10), Account(10)
    threads = [
        threading.Thread(target=transfer, args=(alice, bob, 3)),
        threading.Thread(target=transfer, args=(bob, alice, 1)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (alice.balance, bob.balance) == (8, 12)
