"""Transfers without deadlock: the stub. README.md tells the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class InsufficientFunds(Exception):
    """There is not enough money in the account."""


class Busy(Exception):
    """Somebody else had one of the accounts for longer than the caller wanted to wait."""


class Bank:
    """Moves money between accounts for many threads."""

    def __init__(self, accounts: Mapping[str, int]) -> None:
        # TODO: keep the balances in cents, and whatever keeps threads from getting in each other's way.
        raise NotImplementedError

    def transfer(self, src: str, dst: str, cents: int, *, timeout: float | None = None) -> None:
        """Move cents from `src` to `dst`."""
        raise NotImplementedError

    def payout(self, src: str, shares: Mapping[str, int], *, timeout: float | None = None) -> None:
        """Move every share from `src` to its account, all of them or none."""
        raise NotImplementedError

    def balance(self, account: str) -> int:
        """Cents in that account."""
        raise NotImplementedError

    def audit(self) -> int:
        """Cents in all accounts together, at one moment."""
        raise NotImplementedError

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        """Nobody else moves money of this account while the block runs."""
        raise NotImplementedError
