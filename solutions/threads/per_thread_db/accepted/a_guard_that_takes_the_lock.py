"""A guard in a `threading.local` closes and deregisters in `__del__`, under the lock; close() awaits those who connect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class _Guard:
    """Given up when its thread ends, which happens outside of every `with`: the lock is free, or another thread's."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database, self.connection = database, connection

    def __del__(self) -> None:
        self.database._forget(self.connection)


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._changed = threading.Condition(threading.Lock())
        self._all: list[Connection] = []
        self._connecting = 0
        self._closed = False

    def connection(self) -> Connection:
        with self._changed:
            if self._closed:
                raise RuntimeError("the database is closed")
            if hasattr(self._mine, "guard"):
                guard: _Guard = self._mine.guard
                return guard.connection
            self._connecting += 1
        made = None
        try:
            made = self._connect()
        finally:
            with self._changed:
                self._connecting -= 1
                if made is not None:
                    self._all.append(made)
                self._changed.notify_all()
        self._mine.guard = _Guard(self, made)
        return made

    def close(self) -> None:
        with self._changed:
            self._closed = True  # nobody begins to connect any more
            self._changed.wait_for(lambda: not self._connecting)
            while self._all:
                self._all.pop().close()

    def _forget(self, connection: Connection) -> None:
        with self._changed:
            if connection in self._all:
                self._all.remove(connection)
                connection.close()


_stacks: dict[threading.Thread, list[str]] = {}


@contextmanager
def request_scope(request_id: str) -> Iterator[None]:
    me = threading.current_thread()
    _stacks.setdefault(me, []).append(request_id)
    try:
        yield
    finally:
        _stacks[me].pop()
        if not _stacks[me]:
            del _stacks[me]


def current_request() -> str | None:
    return next(reversed(_stacks.get(threading.current_thread(), [])), None)
