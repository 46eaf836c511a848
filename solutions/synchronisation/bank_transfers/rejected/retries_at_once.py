"""Gives the first lock back if the second one is taken, and tries again at once: for ever, if both keep in step.

caught-by: test_opposite_transfers_always_end (hung)
says: "no end after"
misconception: M07 giving way is always enough
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class InsufficientFunds(Exception):
    pass


class Busy(Exception):
    pass


class Bank:
    def __init__(self, accounts: Mapping[str, int]) -> None:
        self._balances = dict(accounts)
        self._locks = {name: threading.Lock() for name in accounts}

    def _take(self, names: list[str], timeout: float | None) -> None:
        began = time.monotonic()
        while True:
            taken = []
            for name in names:
                if not self._locks[name].acquire(blocking=False):
                    break
                taken.append(name)
            else:
                return
            self._give_back(taken)
            if timeout is not None and time.monotonic() - began >= timeout:
                raise Busy(name)
            # Wait for the first one at least; the others are tried anew.
            left = -1 if timeout is None else max(0.0, timeout - (time.monotonic() - began))
            if self._locks[names[0]].acquire(timeout=left):
                self._locks[names[0]].release()

    def _give_back(self, names: list[str]) -> None:
        for name in names:
            self._locks[name].release()

    def _move(self, src: str, shares: dict[str, int], timeout: float | None) -> None:
        names = list(dict.fromkeys([src, *shares]))
        if any(name not in self._locks for name in names):
            raise KeyError(names)
        if not shares or any(cents <= 0 for cents in shares.values()):
            raise ValueError("cents must be positive")
        if names == [src]:
            return
        self._take(names, timeout)
        try:
            if self._balances[src] < sum(shares.values()) - shares.get(src, 0):
                raise InsufficientFunds(src)
            self._balances[src] -= sum(shares.values())
            for name, cents in shares.items():
                self._balances[name] += cents
        finally:
            self._give_back(names)

    def transfer(self, src: str, dst: str, cents: int, *, timeout: float | None = None) -> None:
        self._move(src, {dst: cents}, timeout)

    def payout(self, src: str, shares: Mapping[str, int], *, timeout: float | None = None) -> None:
        self._move(src, dict(shares), timeout)

    def balance(self, account: str) -> int:
        return self._balances[account]

    def audit(self) -> int:
        self._take(list(self._locks), None)
        try:
            return sum(self._balances.values())
        finally:
            self._give_back(list(self._locks))

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        with self._locks[account]:
            yield
