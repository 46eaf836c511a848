"""No lock: the list is copied in close(), and whoever registers later is not in the copy.

caught-by: test_no_connection_outlives_a_close (failed)
says: "stayed open"
misconception: M03 the GIL makes my code atomic
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
        self._all: list[tuple[threading.Thread, Connection]] = []
        self._closed = False

    def connection(self) -> Connection:
        if self._closed:
            raise RuntimeError("the database is closed")
        for entry in list(self._all):
            if not entry[0].is_alive():
                self._all.remove(entry)
                entry[1].close()
        if not hasattr(self._mine, "connection"):
            made = self._connect()
            self._all.append((threading.current_thread(), made))
            self._mine.connection = made
        connection: Connection = self._mine.connection
        return connection

    def close(self) -> None:
        self._closed = True
        for _, connection in list(self._all):
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
