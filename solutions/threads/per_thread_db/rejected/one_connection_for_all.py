"""One connection, made by whoever asks first, for all threads.

caught-by: test_every_thread_has_a_connection_of_its_own (failed)
says: "Who may use a connection"
misconception: M13 works here, so works
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._one: Connection | None = None
        self._closed = False

    def connection(self) -> Connection:
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
            if self._one is None:
                self._one = self._connect()
            return self._one

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._one is not None:
                self._one.close()


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
