"""A Condition; who was woken takes its place without another look.

caught-by: test_a_timeout_ends_the_wait_and_loses_nothing (failed), test_two_threads_and_one_connection (failed), test_never_more_connections_than_the_size (failed), test_connections_are_made_on_demand_and_used_again (failed)
says: "came to connection 3 after 1.5 s", "existed at once", "lent to two"
misconception: M08 waking up means the condition holds
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

C = TypeVar("C")

GUARDED_BY: dict[str, tuple[str, ...]] = {"_changed": ("_idle", "_leased", "_waiting", "_closed", "_closing")}


class ConnectionPool(Generic[C]):
    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        self.connect, self.size, self.is_healthy, self.close_conn = connect, size, is_healthy, close_conn
        self._changed = threading.Condition()
        self._idle: list[C] = []
        self._leased = self._waiting = self._closing = 0
        self._closed = False

    @contextmanager
    def lease(self, timeout: float | None = None) -> Iterator[C]:
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._waiting += 1
            try:
                if not self._closed and self._leased >= self.size:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise PoolTimeout
                    self._changed.wait(left)
            finally:
                self._waiting -= 1
            if self._closed:
                raise PoolClosed
            self._leased += 1
            found = [self._idle.pop()] if self._idle else []
        kept = False
        conn = None
        try:
            if not found:
                found.append(self.connect())
            conn = found[0]
            yield conn
        except BrokenConnection:
            self._end(conn)
            raise
        except BaseException:
            if found:
                kept = self._check(conn)
            raise
        else:
            kept = self._check(conn)
        finally:
            late = False
            with self._changed:
                self._leased -= 1
                if kept and not self._closed:
                    self._idle.append(conn)
                elif kept:
                    late = True
                    self._closing += 1
                self._changed.notify_all()
            if late:
                try:
                    self.close_conn(conn)
                finally:
                    with self._changed:
                        self._closing -= 1

    def _check(self, conn: C) -> bool:
        try:
            healthy = self.is_healthy(conn)
        except BaseException:
            self._end(conn)
            raise
        if not healthy:
            self._end(conn)
        return healthy

    def _end(self, conn: C) -> None:
        self.close_conn(conn)

    def stats(self) -> PoolStats:
        with self._changed:
            return PoolStats(len(self._idle) + self._leased + self._closing, self._leased, self._waiting)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            idle = self._idle[:]
            self._idle.clear()
            self._closing += len(idle)
            self._changed.notify_all()
        errors = []
        for conn in idle:
            try:
                self.close_conn(conn)
            except Exception as error:
                errors.append(error)
            with self._changed:
                self._closing -= 1
        if errors:
            raise errors[0]
