"""Two transfers take the same two locks in opposite order.

ends: deadlock
says: "waits for lock B (self.second.lock)"
"""

import threading


class Account:
    def __init__(self, balance):
        self.lock = threading.Lock()
        self.balance = balance


class Transfer(threading.Thread):
    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def run(self):
        with self.first.lock:
            with self.second.lock:
                self.first.balance -= 1
                self.second.balance += 1


def main():
    alice, bob = Account(10), Account(10)
    transfers = [Transfer(alice, bob), Transfer(bob, alice)]
    for transfer in transfers:
        transfer.start()
    for transfer in transfers:
        transfer.join()
    assert alice.balance + bob.balance == 20
