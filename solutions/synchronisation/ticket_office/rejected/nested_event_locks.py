"""A lock for each event; a swap takes the one of src, then the one of dst.

caught-by: test_opposite_swaps_never_stand_still (hung)
says: "waits for"
misconception: M07 more locking is safer
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType


@dataclass
class Event:
    capacity: int
    sold: int = 0
    lock: Lock = field(default_factory=lambda: Lock())

    @property
    def left(self) -> int:
        return self.capacity - self.sold


class TicketOffice:
    def __init__(self, seats: Mapping[str, int]) -> None:
        self._events = {name: Event(count) for name, count in seats.items()}

    @contextlib.contextmanager
    def _holding(self, *names: str) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for name in dict.fromkeys(names):
                stack.enter_context(self._events[name].lock)
            yield

    def reserve(self, event: str, n: int = 1) -> bool:
        if n < 1:
            raise ValueError("n < 1")
        with self._holding(event):
            entry = self._events[event]
            if entry.left >= n:
                entry.sold += n
                return True
            return False

    def cancel(self, event: str, n: int = 1) -> None:
        if n < 1:
            raise ValueError("n < 1")
        with self._holding(event):
            entry = self._events[event]
            if n > entry.sold:
                raise ValueError("more than were sold")
            entry.sold -= n

    def swap(self, src: str, dst: str) -> bool:
        with self._holding(src, dst):
            if self._events[src].sold == 0:
                raise ValueError("nothing to swap")
            if src != dst and self._events[dst].left == 0:
                return False
            self._events[src].sold -= 1
            self._events[dst].sold += 1
            return True

    def remaining(self, event: str) -> int:
        return self._events[event].left

    def totals(self) -> Mapping[str, tuple[int, int]]:
        with self._holding(*self._events):
            return MappingProxyType({name: (e.sold, e.left) for name, e in self._events.items()})
