"""Closes a connection when the thread object is collected, which others may hold for as long as they like.

caught-by: test_the_next_call_closes_what_ended_threads_left (failed)
says: "4 of their 4"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._all: list[Connection] = []
        self._closed = False

    def connection(self) -> Connection:
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
        found: Connection | None = getattr(self._mine, "connection", None)
        if found is not None:
            return found
        made = self._connect()
        with self._lock:
            if not self._closed:
                self._all.append(made)
                weakref.finalize(threading.current_thread(), made.close)
                self._mine.connection = made
                return made
        made.close()
        raise RuntimeError("the database is closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for connection in self._all:
                connection.close()


class _Request(threading.local):
    id: str | None = None  # of the class: what every thread sees that has set nothing itself


_request = _Request()


@contextmanager
def request_scope(request_id: str) -> Iterator[None]:
    before = _request.id
    _request.id = request_id
    try:
        yield
    finally:
        _request.id = before


def current_request() -> str | None:
    return _request.id
