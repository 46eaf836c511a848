"""close() only sets a flag, and trusts that the connections go with their threads.

caught-by: test_close_closes_the_connections_of_all_threads (failed)
says: "closed 0 of 5"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._closed = False

    def connection(self) -> Connection:
        if self._closed:
            raise RuntimeError("the database is closed")
        if not hasattr(self._mine, "connection"):
            self._mine.connection = self._connect()
        connection: Connection = self._mine.connection
        return connection

    def close(self) -> None:
        self._closed = True


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
