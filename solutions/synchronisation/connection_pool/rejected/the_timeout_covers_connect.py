"""Gives up when connect took longer than the timeout.

caught-by: test_connections_are_made_on_demand_and_used_again (failed), test_a_timeout_ends_the_wait_and_loses_nothing (failed)
says: "no lease is possible any more", "a place was free at once"
misconception: M13 works here, so works (fork, ident reuse, order luck)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

__all__ = ["GUARDED_BY", "BrokenConnection", "ConnectionPool", "PoolClosed", "PoolStats", "PoolTimeout"]

C = TypeVar("C")

GUARDED_BY: dict[str, tuple[str, ...]] = {"_lock": ("_idle", "_open", "_in_use", "_waiting", "_closed")}


class ConnectionPool(Generic[C]):
    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        self._connect, self._is_healthy, self._close_conn = connect, is_healthy, close_conn
        self._places = threading.Semaphore(size)  # guards itself
        self._lock = threading.Lock()
        self._idle: list[C] = []
        self._open = self._in_use = self._waiting = 0
        self._closed = False

    @contextmanager
    def lease(self, timeout: float | None = None) -> Iterator[C]:
        self._take_place(timeout)
        # From here on the place is given back whatever happens, and last of all: who gets it finds the idle connection.
        try:
            began = time.monotonic()
            conn = self._idle_or_new()
            if timeout is not None and time.monotonic() - began > timeout:
                self._put_back(conn, True)
                raise PoolTimeout
            usable = True
            try:
                yield conn
            except BrokenConnection:
                usable = False
                raise
            finally:
                self._put_back(conn, usable)
        finally:
            self._places.release()

    def stats(self) -> PoolStats:
        with self._lock:
            return PoolStats(self._open, self._in_use, self._waiting)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        self._places.release()  # one too many, which wakes a waiter, who passes it on; nobody can use it any more
        self._end_all(idle)

    def _take_place(self, timeout: float | None) -> None:
        with self._lock:
            if self._closed:
                raise PoolClosed
            self._waiting += 1
        try:
            taken = self._places.acquire(timeout=timeout)
        finally:
            with self._lock:
                self._waiting -= 1
                closed = self._closed
        if closed:
            if taken:
                self._places.release()
            raise PoolClosed
        if not taken:
            raise PoolTimeout

    def _idle_or_new(self) -> C:
        with self._lock:
            if self._closed:
                raise PoolClosed
            self._in_use += 1
            if self._idle:
                return self._idle.pop()
            self._open += 1  # counted before it exists: the others must not think that there is room
        try:
            return self._connect()
        except BaseException:
            with self._lock:
                self._open -= 1
                self._in_use -= 1
            raise

    def _put_back(self, conn: C, usable: bool) -> None:
        kept = False
        try:
            usable = usable and self._is_healthy(conn)
            with self._lock:
                if usable and not self._closed:
                    self._idle.append(conn)
                    kept = True
        finally:
            try:
                if not kept:
                    self._end(conn)
            finally:
                with self._lock:
                    self._in_use -= 1

    def _end(self, conn: C) -> None:
        try:
            self._close_conn(conn)
        finally:
            with self._lock:
                self._open -= 1

    def _end_all(self, conns: list[C]) -> None:
        """Each of them, also when one raises: the others are closed while its exception is on its way."""
        while conns:
            try:
                self._end(conns.pop())
            except BaseException:
                self._end_all(conns)
                raise
