"""A payout is a transfer for each share, until the money is gone.

caught-by: test_too_little_money_changes_nothing (failed)
says: "change nothing until all of it can be done"
misconception: M08 a part is better than nothing
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Lock


class InsufficientFunds(Exception):
    """There is not enough money in the account."""


class Busy(Exception):
    """Somebody else had one of the accounts for longer than the caller wanted to wait."""


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance
        self.lock = Lock()


class Bank:
    def __init__(self, accounts: Mapping[str, int]) -> None:
        self._accounts = {name: Account(cents) for name, cents in accounts.items()}

    def transfer(self, src: str, dst: str, cents: int, *, timeout: float | None = None) -> None:
        if cents < 1:
            raise ValueError("at least 1 cent")
        source, target = self._accounts[src], self._accounts[dst]
        if source is target:
            return
        with self._holding({src, dst}, timeout):
            if source.balance < cents:
                raise InsufficientFunds(src)
            source.balance -= cents
            target.balance += cents

    def payout(self, src: str, shares: Mapping[str, int], *, timeout: float | None = None) -> None:
        if not shares or min(shares.values()) < 1:
            raise ValueError("every share must be at least 1 cent")
        for name in (src, *shares):
            self._accounts[name]
        deadline = None if timeout is None else time.monotonic() + timeout
        for name, cents in shares.items():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            self.transfer(src, name, cents, timeout=left)

    def balance(self, account: str) -> int:
        with self.hold(account):
            return self._accounts[account].balance

    def audit(self) -> int:
        with self._holding(self._accounts):
            return sum(account.balance for account in self._accounts.values())

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        with self._accounts[account].lock:
            yield

    @contextmanager
    def _holding(self, names: Iterable[str], timeout: float | None = None) -> Iterator[None]:
        deadline = None if timeout is None else time.monotonic() + timeout
        with ExitStack() as held:  # gives back what it has, however the block is left
            for name in sorted(names):  # one order for everybody: nobody waits for an account before one that he has
                lock = self._accounts[name].lock
                left = -1 if deadline is None else max(0.0, deadline - time.monotonic())
                if not lock.acquire(timeout=left):
                    raise Busy(name)
                held.callback(lock.release)
            yield
