"""Keeps thread and connection under the ident: a new thread's entry takes the place of the dead one's.

caught-by: test_a_reused_ident_hides_no_ended_thread (failed)
says: "forgot the first connection over the second"
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
        self._entries: dict[int, tuple[threading.Thread, Connection]] = {}
        self._closed = False

    def connection(self) -> Connection:
        me, ident = threading.current_thread(), threading.get_ident()
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
            for key, (thread, connection) in list(self._entries.items()):
                if key != ident and not thread.is_alive():
                    self._entries.pop(key)
                    connection.close()
            if ident in self._entries and self._entries[ident][0] is me:
                return self._entries[ident][1]
        made = self._connect()
        with self._lock:
            if not self._closed:
                self._entries[ident] = (me, made)
                return made
        made.close()
        raise RuntimeError("the database is closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for _, connection in self._entries.values():
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
