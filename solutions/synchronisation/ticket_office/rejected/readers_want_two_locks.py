"""Readers of one number and of all take the same two locks in opposite order.

caught-by: test_readers_never_stand_still (hung)
says: "waits for"
misconception: M07 more locking is safer
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType


class TicketOffice:
    def __init__(self, seats: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._capacity = dict(seats)
        self._sold = dict.fromkeys(self._capacity, 0)

    def reserve(self, event: str, n: int = 1) -> bool:
        _check(n)
        with self._lock:
            if self._left(event) < n:
                return False
            self._sold[event] += n
            return True

    def cancel(self, event: str, n: int = 1) -> None:
        _check(n)
        with self._lock:
            if self._sold[event] < n:
                raise ValueError(f"only {self._sold[event]} seats of {event} are sold")
            self._sold[event] -= n

    def swap(self, src: str, dst: str) -> bool:
        with self._lock:
            if self._sold[src] < 1:
                raise ValueError(f"no seat of {src} is sold")
            if src == dst:
                return True
            if self._left(dst) < 1:
                return False
            self._sold[src] -= 1
            self._sold[dst] += 1
            return True

    def remaining(self, event: str) -> int:
        with self._read_lock, self._lock:
            return self._left(event)

    def totals(self) -> Mapping[str, tuple[int, int]]:
        with self._lock, self._read_lock:
            # A copy: the one who asked keeps the numbers of this moment.
            return MappingProxyType({event: (self._sold[event], self._left(event)) for event in self._sold})

    def _left(self, event: str) -> int:
        """For holders of the lock only."""
        return self._capacity[event] - self._sold[event]


def _check(n: int) -> None:
    if n < 1:
        raise ValueError("n must be at least 1")
