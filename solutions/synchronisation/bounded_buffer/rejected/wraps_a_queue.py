"""Wraps queue.Queue.

caught-by: test_no_finished_queue_is_used (failed)
says: "what this exercise is about"
misconception: M13 works here, so works
"""

from __future__ import annotations

import queue
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
        self._queue: queue.Queue[T] = queue.Queue(capacity)
        self._closed = False

    def put(self, item: T, timeout: float | None = None) -> None:
        if self._closed:
            raise Closed
        try:
            self._queue.put(item, timeout is None or timeout > 0, timeout)
        except queue.Full:
            raise Full from None

    def get(self, timeout: float | None = None) -> T:
        try:
            return self._queue.get(not self._closed and (timeout is None or timeout > 0), timeout)
        except queue.Empty:
            raise (Closed if self._closed else Empty) from None

    def close(self) -> None:
        self._closed = True

    def __len__(self) -> int:
        return self._queue.qsize()

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self.get()
            except Closed:
                return
            yield item
