"""Two semaphores count room and items; close() cannot wake who waits for a permit.

caught-by: test_close_wakes_everybody (hung)
says: "for a semaphore"
misconception: M09 a signal waits for me
"""

from __future__ import annotations

import threading
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
            raise ValueError("no room at all")
        self._room = threading.Semaphore(capacity)
        self._stored = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._items: list[T] = []
        self._closed = False

    def put(self, item: T, timeout: float | None = None) -> None:
        if self._closed:
            raise Closed
        if not self._room.acquire(timeout=timeout):
            raise Closed if self._closed else Full
        with self._lock:
            if not self._closed:
                self._items.append(item)
                self._stored.release()
                return
        raise Closed

    def get(self, timeout: float | None = None) -> T:
        with self._lock:
            if self._closed and not self._items:
                raise Closed
        if not self._stored.acquire(timeout=timeout):
            raise Closed if self._closed else Empty
        with self._lock:
            if self._items:
                self._room.release()
                return self._items.pop(0)
        raise Closed

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                yield self.get()
            except Closed:
                break
