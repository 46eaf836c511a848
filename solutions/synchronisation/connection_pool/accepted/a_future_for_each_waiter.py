"""Places are handed from one thread to the next through a future: first come, first served. The state is an object with slots."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from threading import RLock
from types import TracebackType
from typing import Any, Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

C = TypeVar("C")

GUARDED_BY: dict[str, tuple[str, ...]] = {
    "_state.lock": ("_state.idle", "_state.free", "_state.open", "_state.queue", "_state.closed")
}


@dataclass(slots=True)
class _State:
    free: int
    open: int = 0
    idle: list[Any] = field(default_factory=list)
    queue: deque[Future[None]] = field(default_factory=deque)
    closed: bool = False
    lock: Any = field(default_factory=RLock)

    def free_a_place(self) -> None:
        """To the first in the queue who is still there."""
        with self.lock:
            while self.queue:
                turn = self.queue.popleft()
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)
                    return
            self.free += 1


class _Lease(Generic[C]):
    def __init__(self, pool: ConnectionPool[C], timeout: float | None) -> None:
        self.pool, self.timeout = pool, timeout

    def __enter__(self) -> C:
        self.pool._wait(self.timeout)
        state = self.pool._state
        try:
            with state.lock:
                if state.closed:
                    raise PoolClosed
                if state.idle:
                    self.conn = state.idle.pop()
                    return self.conn
                state.open += 1
            try:
                self.conn = self.pool._connect()
            except BaseException:
                with state.lock:
                    state.open -= 1
                raise
            return self.conn
        except BaseException:
            state.free_a_place()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        state, pool = self.pool._state, self.pool
        try:
            try:
                good = not isinstance(error, BrokenConnection) and pool._is_healthy(self.conn)
            except BaseException:
                pool._end(self.conn)
                raise
            with state.lock:
                if good := good and not state.closed:
                    state.idle.append(self.conn)
            if not good:
                pool._end(self.conn)
        finally:
            state.free_a_place()


class ConnectionPool(Generic[C]):
    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        self._connect, self._is_healthy, self._close_conn, self._size = connect, is_healthy, close_conn, size
        self._state = _State(size)

    def lease(self, timeout: float | None = None) -> _Lease[C]:
        return _Lease(self, timeout)

    def _wait(self, timeout: float | None) -> None:
        state = self._state
        with state.lock:
            if state.closed:
                raise PoolClosed
            if state.free:
                state.free -= 1
                return
            turn: Future[None] = Future()
            state.queue.append(turn)
        try:
            turn.result(timeout)
        except TooLate:
            if turn.cancel():
                with state.lock:
                    if turn in state.queue:
                        state.queue.remove(turn)
                raise PoolTimeout from None
            turn.result()  # handed over at the last moment: taken, or closed

    def _end(self, conn: C) -> None:
        try:
            self._close_conn(conn)
        finally:
            with self._state.lock:
                self._state.open -= 1

    def stats(self) -> PoolStats:
        with self._state.lock:
            in_use = self._size - self._state.free
            return PoolStats(self._state.open, in_use, len(self._state.queue))

    def close(self) -> None:
        state = self._state
        with state.lock:
            state.closed = True
            waiters, idle = [*state.queue], [*state.idle]
            state.queue.clear()
            state.idle.clear()
            for turn in waiters:
                if turn.set_running_or_notify_cancel():
                    turn.set_exception(PoolClosed())
        error = None
        for conn in idle:
            try:
                self._end(conn)
            except Exception as wrong:
                error = wrong
        if error:
            raise error
