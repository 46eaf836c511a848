"""One condition for all, and notify() wakes whoever waits longest: perhaps the wrong one.

caught-by: test_two_producers_and_two_consumers (hung)
says: "went to another waiter"
misconception: M09 a signal waits for me
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Full(Exception):
    """There was no room in time."""


class Empty(Exception):
    """There was no item in time."""


class Closed(Exception):
    """The buffer takes no more items, or will never hold one again."""


class BoundedBuffer(Generic[T]):
    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(capacity)
        self.capacity = capacity
        self.items: list[T] = []
        self.closed = False
        self.changed = threading.Condition()

    def put(self, item: T, timeout: float | None = None) -> None:
        with self.changed:
            self._wait_until(lambda: len(self.items) < self.capacity, timeout, Full)
            if self.closed:
                raise Closed("no more items")
            self.items.append(item)
            self.changed.notify()

    def get(self, timeout: float | None = None) -> T:
        with self.changed:
            self._wait_until(lambda: bool(self.items), timeout, Empty)
            if not self.items:
                raise Closed("drained")
            self.changed.notify()
            return self.items.pop(0)

    def _wait_until(self, ready: Callable[[], bool], timeout: float | None, error: type[Exception]) -> None:
        if not self.changed.wait_for(lambda: self.closed or ready(), timeout):
            raise error(f"nothing within {timeout} s")

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                yield self.get()
        except Closed:
            pass
