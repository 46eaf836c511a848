"""Looks for ended threads without the lock: two threads find the same entry.

caught-by: test_two_threads_find_what_an_ended_one_left (failed)
says: "Another thread came in between"
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
        self._lock = threading.Lock()
        self._all: dict[threading.Thread, Connection] = {}
        self._closed = False

    def connection(self) -> Connection:
        me = threading.current_thread()
        if self._closed:
            raise RuntimeError("the database is closed")
        for thread in list(self._all):
            if not thread.is_alive():
                self._all.pop(thread).close()
        if me in self._all:
            return self._all[me]
        made = self._connect()
        with self._lock:
            if not self._closed:
                self._all[me] = made
                return made
        made.close()
        raise RuntimeError("the database is closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            everything = dict(self._all)
        for connection in everything.values():
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
