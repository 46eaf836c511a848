"""Looks whether there is enough, then takes it; each step has the lock, both together have not.

ends: race
says: "balance -100"
"""

import threading


class Account:
    def __init__(self, balance):
        self._lock = threading.Lock()
        self._balance = balance

    def balance(self):
        with self._lock:
            return self._balance

    def withdraw(self, amount):
        if self.balance() >= amount:
            with self._lock:
                self._balance -= amount


def main():
    account = Account(100)
    threads = [threading.Thread(target=account.withdraw, args=(100,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance() >= 0, f"balance {account.balance()}"
