"""Waits for the whole timeout again after each wake-up.

caught-by: test_a_timeout_covers_the_whole_call (failed)
says: "after the first wake-up"
misconception: M08 waking up means the condition holds
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
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
            raise ValueError("capacity must be at least 1")
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._closed = False
        self._lock = threading.Lock()
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)

    def put(self, item: T, timeout: float | None = None) -> None:
        with self._lock:
            in_time = timeout is None or timeout > 0
            while not self._closed and len(self._items) >= self._capacity:
                if not in_time:
                    raise Full
                in_time = self._not_full.wait(timeout)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._not_empty.notify()

    def get(self, timeout: float | None = None) -> T:
        with self._lock:
            in_time = timeout is None or timeout > 0
            while not self._closed and not self._items:
                if not in_time:
                    raise Empty
                in_time = self._not_empty.wait(timeout)
            if not self._items:
                raise Closed
            item = self._items.popleft()
            self._not_full.notify()
            return item

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._not_full.notify_all()
            self._not_empty.notify_all()

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self.get()
            except Closed:
                return
            yield item

