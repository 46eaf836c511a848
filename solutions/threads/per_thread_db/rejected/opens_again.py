"""After close() a new connection is made when somebody asks.

caught-by: test_a_closed_database_gives_no_connection (failed)
says: "RuntimeError was due"
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
        self._lock = threading.Lock()
        self._all: dict[threading.Thread, Connection] = {}

    def connection(self) -> Connection:
        me = threading.current_thread()
        with self._lock:
            for thread in [thread for thread in self._all if not thread.is_alive()]:
                self._all.pop(thread).close()
            if me in self._all:
                return self._all[me]
        made = self._connect()
        with self._lock:
            self._all[me] = made
        return made

    def close(self) -> None:
        with self._lock:
            for connection in self._all.values():
                connection.close()
            self._all.clear()


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
