"""Finds a thread's connection by ident and name: pooled threads have equal names.

caught-by: test_a_reused_ident_is_another_thread (failed)
says: "never used again"
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
        self._by_both: dict[tuple[int, str], Connection] = {}
        self._closed = False

    def connection(self) -> Connection:
        me = (threading.get_ident(), threading.current_thread().name)
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
            if me in self._by_both:
                return self._by_both[me]
        made = self._connect()
        with self._lock:
            if not self._closed:
                self._by_both[me] = made
                return made
        made.close()
        raise RuntimeError("the database is closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for connection in self._by_both.values():
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
