"""A core of its own class with a lock of its own makes every decision; the pool does the slow work and waits for events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

C = TypeVar("C")

GUARDED_BY: dict[str, tuple[str, ...]] = {}  # the core is shared, and looks after itself


class _Waiter:
    def __init__(self) -> None:
        self.called = threading.Event()
        self.has_place = False


class _Core:
    def __init__(self, size: int) -> None:
        self.mutex = threading.Lock()
        self.idle: list[Any] = []
        self.line: list[_Waiter] = []
        self.size, self.used, self.ending = size, 0, 0
        self.closed = False

    def queue_up(self) -> _Waiter:
        with self.mutex:
            waiter = _Waiter()
            self.line.append(waiter)
            self._call()
            return waiter

    def _call(self) -> None:
        """With the lock held: places for those who wait, in order; when closed, everybody goes home."""
        while self.line and (self.closed or self.used < self.size):
            waiter = self.line.pop(0)
            waiter.has_place = not self.closed
            self.used += waiter.has_place
            waiter.called.set()

    def leave(self, waiter: _Waiter) -> bool:
        """False if it was called after all."""
        with self.mutex:
            if waiter.called.is_set():
                return False
            self.line.remove(waiter)
            return True

    def take_idle(self) -> list[Any]:
        with self.mutex:
            if self.closed:  # since the waiter was called: what was idle then is being closed, and still exists
                raise PoolClosed
            return [self.idle.pop()] if self.idle else []

    def give_back(self, conn: Any) -> bool:
        with self.mutex:
            if self.closed:
                return False
            self.idle.append(conn)
            self.used -= 1
            self._call()
            return True

    def free(self) -> None:
        with self.mutex:
            self.used -= 1
            self._call()

    def shut(self) -> list[Any]:
        with self.mutex:
            self.closed = True
            self._call()
            gone, self.idle = self.idle, []
            self.ending += len(gone)
            return gone

    def ended(self) -> None:
        with self.mutex:
            self.ending -= 1

    def numbers(self) -> PoolStats:
        with self.mutex:
            return PoolStats(len(self.idle) + self.used + self.ending, self.used, len(self.line))


class ConnectionPool(Generic[C]):
    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        self._core = _Core(size)
        self._connect = connect
        self._is_healthy = is_healthy
        self._close_conn = close_conn

    @contextmanager
    def lease(self, timeout: float | None = None) -> Iterator[C]:
        waiter = self._core.queue_up()
        if not waiter.called.wait(timeout) and self._core.leave(waiter):
            raise PoolTimeout
        if not waiter.has_place:
            raise PoolClosed
        try:
            found = self._core.take_idle() or [self._connect()]
        except BaseException:
            self._core.free()
            raise
        conn = found[0]
        good = False
        try:
            good = True
            yield conn
        except BrokenConnection:
            good = False
            raise
        finally:
            try:
                good = good and self._is_healthy(conn)
            except BaseException:
                good = False
                raise
            finally:
                if not good or not self._core.give_back(conn):
                    try:
                        self._close_conn(conn)
                    finally:
                        self._core.free()

    def stats(self) -> PoolStats:
        return self._core.numbers()

    def close(self) -> None:
        gone = self._core.shut()

        def end(rest: list[C]) -> None:
            if rest:
                try:
                    self._close_conn(rest[0])
                finally:
                    self._core.ended()
                    end(rest[1:])

        end(gone)
