"""Each thread finds its connection in a `threading.local`; a shared list knows all of them, and whose they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._lock = threading.Lock()  # of the two below; never held while anything is connected or closed
        self._all: list[tuple[threading.Thread, Connection]] = []
        self._closed = False

    def connection(self) -> Connection:
        self._close_what_the_dead_left()
        found: Connection | None = getattr(self._mine, "connection", None)
        if found is not None:
            return found
        made = self._connect()  # takes its time: other threads connect meanwhile, or close the database
        with self._lock:
            if not self._closed:
                # The thread itself, not its ident: that will be another thread's one day.
                self._all.append((threading.current_thread(), made))
                self._mine.connection = made
                return made
        made.close()  # close() has been here and could not know of this one
        raise RuntimeError("the database is closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            everything, self._all = self._all, []
        for _, connection in everything:
            connection.close()

    def _close_what_the_dead_left(self) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
            everything, self._all, dead = self._all, [], []
            for thread, connection in everything:
                # Asked once for each: a thread may end between two questions.
                if thread.is_alive():
                    self._all.append((thread, connection))
                else:
                    dead.append(connection)
        for connection in dead:
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
