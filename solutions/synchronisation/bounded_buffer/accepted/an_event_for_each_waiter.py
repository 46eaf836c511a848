"""Each waiting thread has an Event of its own; items and room are handed to the one that waits longest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Full(Exception):
    """There was no room in time."""


class Empty(Exception):
    """There was no item in time."""


class Closed(Exception):
    """The buffer takes no more items, or will never hold one again."""


class Waiter:
    def __init__(self, item: Any = None) -> None:
        self.item = item
        self.served = False
        self.event = threading.Event()

    def serve(self) -> None:
        self.served = True
        self.event.set()


class BoundedBuffer(Generic[T]):
    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity < 1")
        self._capacity = capacity
        self._lock = threading.Lock()
        self._items: deque[T] = deque()
        self._putters: deque[Waiter] = deque()
        self._getters: deque[Waiter] = deque()
        self._closed = False

    def put(self, item: T, timeout: float | None = None) -> None:
        with self._lock:
            if self._closed:
                raise Closed
            if self._getters:
                getter = self._getters.popleft()
                getter.item = item
                getter.serve()
                return
            if len(self._items) < self._capacity:
                self._items.append(item)
                return
            me = Waiter(item)
            self._putters.append(me)
        self._wait(me, self._putters, timeout, Full)

    def get(self, timeout: float | None = None) -> T:
        with self._lock:
            if self._items:
                item = self._items.popleft()
                if self._putters:
                    putter = self._putters.popleft()
                    self._items.append(putter.item)
                    putter.serve()
                return item
            if self._closed:
                raise Closed
            me = Waiter()
            self._getters.append(me)
        self._wait(me, self._getters, timeout, Empty)
        return me.item  # type: ignore[no-any-return]

    def _wait(self, me: Waiter, waiters: deque[Waiter], timeout: float | None, error: type[Exception]) -> None:
        me.event.wait(timeout)
        with self._lock:
            if me.served:  # perhaps at the very moment when the time was up
                return
            if self._closed:
                raise Closed
            waiters.remove(me)
            raise error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for waiter in [*self._putters, *self._getters]:
                waiter.event.set()
            self._putters.clear()
            self._getters.clear()

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
