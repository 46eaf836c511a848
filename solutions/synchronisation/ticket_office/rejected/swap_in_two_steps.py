"""A lock for each event; a swap takes them one after the other.

caught-by: test_totals_never_see_half_a_swap (failed)
says: "same moment"
misconception: M06 several locks for one invariant
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
            for name in sorted(set(names)):
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
        first, second = self._events[src], self._events[dst]
        with first.lock:
            if first.sold == 0:
                raise ValueError("nothing to swap")
            first.sold -= 1
        with second.lock:
            if second.left > 0:
                second.sold += 1
                return True
        with first.lock:
            first.sold += 1
        return False

    def remaining(self, event: str) -> int:
        return self._events[event].left

    def totals(self) -> Mapping[str, tuple[int, int]]:
        with self._holding(*self._events):
            return MappingProxyType({name: (e.sold, e.left) for name, e in self._events.items()})
