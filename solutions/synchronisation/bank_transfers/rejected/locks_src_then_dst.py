"""Takes the lock of src, then the ones of the others.

caught-by: test_opposite_transfers_always_end (hung)
says: "waits for self._accounts[name].lock (name='zoe')"
misconception: M07 locks can be taken in any order
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
        self.payout(src, {dst: cents}, timeout=timeout)

    def payout(self, src: str, shares: Mapping[str, int], *, timeout: float | None = None) -> None:
        shares = dict(shares)
        if not shares or min(shares.values()) < 1:
            raise ValueError("every share must be at least 1 cent")
        source, targets = self._accounts[src], {name: self._accounts[name] for name in shares}
        shares.pop(src, None)  # it would go out and come in again
        if not shares:
            return
        with self._holding([src, *shares], timeout):
            total = sum(shares.values())
            if source.balance < total:
                raise InsufficientFunds(f"{src} has {source.balance} of {total} cents")
            source.balance -= total
            for name, cents in shares.items():
                targets[name].balance += cents

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
            for name in names:
                lock = self._accounts[name].lock
                left = -1 if deadline is None else max(0.0, deadline - time.monotonic())
                if not lock.acquire(timeout=left):
                    raise Busy(name)
                held.callback(lock.release)
            yield
