"""All state belongs to the one thread of an executor, and the others send it small jobs: nothing needs a lock of ours."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

C = TypeVar("C")
NEW = object()

GUARDED_BY: dict[str, tuple[str, ...]] = {}  # nothing is shared: see above


class ConnectionPool(Generic[C]):
    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        self.connect, self.is_healthy, self.close_conn, self.size = connect, is_healthy, close_conn, size
        self.owner = ThreadPoolExecutor(1)
        self.idle: list[C] = []
        self.waiters: deque[Future[Any]] = deque()
        self.open = self.in_use = 0
        self.closed = False

    def _tell(self, job: Callable[..., Any], *args: Any) -> Any:
        try:
            sent = self.owner.submit(job, *args)
        except RuntimeError:  # shut down: closed, and the last lease has ended
            raise PoolClosed from None
        return sent.result()

    # -- in the owner's thread ---------------------------------------------------------------------------

    def _ask(self, waiter: Future[Any]) -> None:
        if self.closed:
            waiter.set_exception(PoolClosed())
        else:
            self.waiters.append(waiter)
            self._serve()

    def _serve(self) -> None:
        while self.waiters and self.in_use < self.size:
            waiter = self.waiters.popleft()
            if waiter.set_running_or_notify_cancel():
                self.in_use += 1
                if not self.idle:
                    self.open += 1
                waiter.set_result(self.idle.pop() if self.idle else NEW)

    def _leave(self, waiter: Future[Any]) -> None:
        if waiter in self.waiters:
            self.waiters.remove(waiter)

    def _keep(self, conn: C) -> bool:
        if self.closed:
            return False
        self.idle.append(conn)
        self._free()
        return True

    def _gone(self) -> None:
        self.open -= 1
        self._free()

    def _free(self) -> None:
        self.in_use -= 1
        self._serve()
        self._rest()

    def _rest(self) -> None:
        if self.closed and not self.open:
            self.owner.shutdown(wait=False)

    def _begin_to_close(self) -> list[C]:
        self.closed = True
        idle, self.idle = self.idle, []
        for waiter in self.waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(PoolClosed())
        self.waiters.clear()
        self._rest()
        return idle

    def _closed_one(self) -> None:
        self.open -= 1
        self._rest()

    # -- in any thread -----------------------------------------------------------------------------------

    @contextmanager
    def lease(self, timeout: float | None = None) -> Iterator[C]:
        waiter: Future[Any] = Future()
        self._tell(self._ask, waiter)
        try:
            conn = waiter.result(timeout)
        except TooLate:
            if waiter.cancel():
                self._tell(self._leave, waiter)
                raise PoolTimeout from None
            conn = waiter.result()
        if conn is NEW:
            try:
                conn = self.connect()
            except BaseException:
                self._tell(self._gone)
                raise
        good = False
        try:
            try:
                yield conn
            except BrokenConnection:
                raise
            except BaseException:
                good = self.is_healthy(conn)
                raise
            else:
                good = self.is_healthy(conn)
        finally:
            if not good or not self._tell(self._keep, conn):
                try:
                    self.close_conn(conn)
                finally:
                    self._tell(self._gone)

    def stats(self) -> PoolStats:
        try:
            return self._tell(lambda: PoolStats(self.open, self.in_use, len(self.waiters)))
        except PoolClosed:
            return PoolStats(0, 0, 0)

    def close(self) -> None:
        try:
            idle = self._tell(self._begin_to_close)
        except PoolClosed:
            return
        first = None
        for conn in idle:
            try:
                self.close_conn(conn)
            except Exception as error:
                first = first or error
            self._tell(self._closed_one)
        if first:
            raise first
