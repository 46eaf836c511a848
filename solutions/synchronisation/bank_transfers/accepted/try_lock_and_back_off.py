"""Waits for one account only, tries the others, and on failure gives all back and naps for a random while before the next try."""

from __future__ import annotations

import random
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
        began, nap = time.monotonic(), 0.001
        while True:
            taken = []
            for name in names:
                if not self._locks[name].acquire(blocking=False):
                    break
                taken.append(name)
            else:
                return
            self._give_back(taken)
            left = nap if timeout is None else timeout - (time.monotonic() - began)
            if left <= 0:
                raise Busy(name)
            time.sleep(min(left, random.uniform(0, nap)))
            nap = min(2 * nap, 0.02)

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
