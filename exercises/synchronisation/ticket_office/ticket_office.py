"""Sell every seat once: the stub. README.md tells the task."""

from __future__ import annotations

from collections.abc import Mapping


class TicketOffice:
    """Sells the seats of several events to many threads."""

    def __init__(self, seats: Mapping[str, int]) -> None:
        # TODO: keep the seats, and whatever keeps threads from getting in each other's way.
        raise NotImplementedError

    def reserve(self, event: str, n: int = 1) -> bool:
        """Sell n seats, all or none: True if there were enough."""
        raise NotImplementedError

    def cancel(self, event: str, n: int = 1) -> None:
        """Take n sold seats back."""
        raise NotImplementedError

    def swap(self, src: str, dst: str) -> bool:
        """Exchange one sold seat of `src` for one of `dst`, both or neither: False if `dst` is full."""
        raise NotImplementedError

    def remaining(self, event: str) -> int:
        """Seats that are not sold."""
        raise NotImplementedError

    def totals(self) -> Mapping[str, tuple[int, int]]:
        """Event -> (sold, remaining), all of the same moment, read-only."""
        raise NotImplementedError
