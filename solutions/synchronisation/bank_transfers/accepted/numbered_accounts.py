"""Each account has a number; the locks are taken one inside the other, by recursion, in the order of these numbers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


class InsufficientFunds(Exception):
    pass


class Busy(Exception):
    pass


@dataclass
class Account:
    number: int
    cents: int
    lock: threading.RLock = field(default_factory=threading.RLock)


class Bank:
    def __init__(self, accounts: Mapping[str, int]) -> None:
        numbers = itertools.count(1)
        self._accounts = {name: Account(next(numbers), cents) for name, cents in accounts.items()}

    def transfer(self, src: str, dst: str, cents: int, *, timeout: float | None = None) -> None:
        self.payout(src, {dst: cents}, timeout=timeout)

    def payout(self, src: str, shares: Mapping[str, int], *, timeout: float | None = None) -> None:
        source = self._accounts[src]
        parts = [(self._accounts[name], cents) for name, cents in shares.items()]
        if not parts or any(cents < 1 for _, cents in parts):
            raise ValueError("nothing to move")
        parts = [(account, cents) for account, cents in parts if account is not source]

        def move() -> None:
            total = sum(cents for _, cents in parts)
            if total > source.cents:
                raise InsufficientFunds(f"{source.cents} < {total}")
            source.cents -= total
            for account, cents in parts:
                account.cents += cents

        if parts:
            self._locked([source, *(account for account, _ in parts)], timeout, move)

    def _locked(self, accounts: Sequence[Account], timeout: float | None, work: Callable[[], object]) -> None:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        todo = sorted(accounts, key=lambda account: account.number)

        def go_on(place: int) -> None:
            if place == len(todo):
                work()
                return
            lock = todo[place].lock
            left = deadline - time.monotonic()
            if not (lock.acquire() if left == float("inf") else lock.acquire(timeout=max(left, 0))):
                raise Busy(f"account {todo[place].number}")
            try:
                go_on(place + 1)
            finally:
                lock.release()

        go_on(0)

    def balance(self, account: str) -> int:
        return self._accounts[account].cents

    def audit(self) -> int:
        total: list[int] = []
        everyone = list(self._accounts.values())
        self._locked(everyone, None, lambda: total.append(sum(account.cents for account in everyone)))
        return total[0]

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        with self._accounts[account].lock:
            yield
