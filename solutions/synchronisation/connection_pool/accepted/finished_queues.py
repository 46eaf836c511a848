"""A queue of permits, a stack of idle connections, an event: all from the standard library. Deciding needs a lock still."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

C = TypeVar("C")

GUARDED_BY: dict[str, tuple[str, ...]] = {"_deciding": ("_counts",)}


class ConnectionPool(Generic[C]):
    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        self.connect, self.is_healthy, self.close_conn = connect, is_healthy, close_conn
        self._permits: queue.SimpleQueue[str] = queue.SimpleQueue()
        for _ in range(size):
            self._permits.put("permit")
        self._idle: queue.LifoQueue[C] = queue.LifoQueue()
        self._is_closed = threading.Event()
        self._deciding = threading.Lock()
        self._counts = {"open": 0, "in_use": 0, "waiting": 0}

    def _count(self, **changes: int) -> None:
        with self._deciding:
            for name, change in changes.items():
                self._counts[name] += change

    @contextmanager
    def lease(self, timeout: float | None = None) -> Iterator[C]:
        if self._is_closed.is_set():
            raise PoolClosed
        with ExitStack() as undo:
            self._count(waiting=1)
            try:
                self._permits.get(timeout=None if timeout is None else max(timeout, 0))
            except queue.Empty:
                raise PoolClosed if self._is_closed.is_set() else PoolTimeout from None
            finally:
                self._count(waiting=-1)
            undo.callback(self._permits.put, "permit")
            with self._deciding:
                if self._is_closed.is_set():
                    raise PoolClosed
                found = [] if self._idle.empty() else [self._idle.get()]
            if not found:
                found = [self.connect()]
                self._count(open=1)
            conn = found[0]
            self._count(in_use=1)
            undo.callback(self._count, in_use=-1)
            end = ExitStack()
            undo.push(end)
            end.callback(self._count, open=-1)
            end.callback(self.close_conn, conn)
            broken = False
            try:
                yield conn
            except BrokenConnection:
                broken = True
                raise
            finally:
                if not broken and self.is_healthy(conn):
                    with self._deciding:
                        if not self._is_closed.is_set():
                            end.pop_all()
                            self._idle.put(conn)

    def stats(self) -> PoolStats:
        with self._deciding:
            return PoolStats(**self._counts)

    def close(self) -> None:
        with self._deciding:
            self._is_closed.set()
        self._permits.put("passed on from waiter to waiter")
        self._drain()

    def _drain(self) -> None:
        try:
            conn = self._idle.get_nowait()
        except queue.Empty:
            return
        try:
            self.close_conn(conn)
        finally:
            self._count(open=-1)
            self._drain()
