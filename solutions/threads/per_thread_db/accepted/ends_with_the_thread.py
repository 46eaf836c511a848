"""What is stored in a `threading.local` ends with its thread: a guard stands there, whose end closes the connection."""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class _Guard:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._numbers = itertools.count()
        self._all: dict[int, Connection] = {}
        self._lock = threading.Lock()
        self._closed = False

    def connection(self) -> Connection:
        if self._closed:
            raise RuntimeError("closed")
        guard: _Guard | None = getattr(self._mine, "guard", None)
        if guard is not None:
            return guard.connection
        made = self._connect()
        with self._lock:
            if not self._closed:
                guard = self._mine.guard = _Guard(made)
                number = next(self._numbers)
                self._all[number] = made
                weakref.finalize(guard, _end, self._all, number)
                return made
        made.close()
        raise RuntimeError("closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
        while self._all:
            with contextlib.suppress(KeyError):  # somebody else took the last one
                self._all.popitem()[1].close()


def _end(connections: dict[int, Connection], number: int) -> None:
    connection = connections.pop(number, None)
    if connection is not None:
        connection.close()


_scopes = threading.local()


@contextmanager
def request_scope(request_id: str) -> Iterator[None]:
    stack: list[str] = _scopes.__dict__.setdefault("stack", [])
    stack.append(request_id)
    try:
        yield
    finally:
        stack.pop()


def current_request() -> str | None:
    stack: list[str] = getattr(_scopes, "stack", [])
    return stack[-1] if stack else None
