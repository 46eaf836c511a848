"""One condition guards the set of accounts that somebody has; a call claims all it needs in one step, and then works without it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class InsufficientFunds(Exception):
    pass


class Busy(Exception):
    pass


class Bank:
    def __init__(self, accounts: Mapping[str, int]) -> None:
        self._cents = dict(accounts)
        self._taken: set[str] = set()
        self._freed = threading.Condition()

    @contextmanager
    def _claim(self, names: set[str], timeout: float | None = None) -> Iterator[None]:
        with self._freed:
            if not self._freed.wait_for(lambda: not names & self._taken, timeout):
                raise Busy(", ".join(sorted(names & self._taken)))
            self._taken |= names
        try:
            yield
        finally:
            with self._freed:
                self._taken -= names
                self._freed.notify_all()

    def transfer(self, src: str, dst: str, cents: int, *, timeout: float | None = None) -> None:
        if cents < 1:
            raise ValueError(cents)
        for name in (src, dst):
            self._cents[name]
        if src == dst:
            return
        with self._claim({src, dst}, timeout):
            if self._cents[src] < cents:
                raise InsufficientFunds(src)
            self._cents[src] -= cents
            self._cents[dst] += cents

    def payout(self, src: str, shares: Mapping[str, int], *, timeout: float | None = None) -> None:
        if not shares or any(cents < 1 for cents in shares.values()):
            raise ValueError(shares)
        for name in (src, *shares):
            self._cents[name]
        others = {name: cents for name, cents in shares.items() if name != src}
        with self._claim({src, *others}, timeout):
            total = sum(others.values())
            if self._cents[src] < total:
                raise InsufficientFunds(src)
            self._cents[src] -= total
            for name, cents in others.items():
                self._cents[name] += cents

    def balance(self, account: str) -> int:
        return self._cents[account]

    def audit(self) -> int:
        with self._claim(set(self._cents)):
            return sum(self._cents.values())

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        self._cents[account]
        with self._claim({account}):
            yield
