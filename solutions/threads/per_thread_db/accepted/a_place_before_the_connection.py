"""Each thread registers an empty place before it connects; each place has a lock of its own, and can be shut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from connections import Connection


class _Place:
    def __init__(self) -> None:
        self.owner = threading.current_thread()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._is_shut = False

    def get(self, connect: Callable[[], Connection]) -> Connection:
        """Only the owner calls this, so nobody else fills the place meanwhile."""
        if self._connection is None:
            made = connect()
            with self._lock:
                if not self._is_shut:
                    self._connection = made
            if self._connection is None:
                made.close()
        if self._is_shut or self._connection is None:
            raise RuntimeError("the database is closed")
        return self._connection

    def shut(self) -> None:
        with self._lock:
            self._is_shut = True
            if self._connection is not None:
                self._connection.close()


class _Places:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: tuple[_Place, ...] = ()
        self._is_shut = False

    def mine(self) -> _Place:
        with self._lock:
            if self._is_shut:
                raise RuntimeError("the database is closed")
            dead = [place for place in self._places if not place.owner.is_alive()]
            found = next((place for place in self._places if place.owner is threading.current_thread()), None)
            mine = found or _Place()
            self._places = (*(place for place in self._places if place not in dead and place is not found), mine)
        for place in dead:
            place.shut()
        return mine

    def shut(self) -> None:
        with self._lock:
            self._is_shut = True
            places = self._places
        for place in places:
            place.shut()


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._places = _Places()

    def connection(self) -> Connection:
        return self._places.mine().get(self._connect)

    def close(self) -> None:
        self._places.shut()


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.ids: list[str | None] = [None]  # a subclass's __init__ runs in every thread that uses the object


_scopes = _Scopes()


@contextmanager
def request_scope(request_id: str) -> Generator[None, None, None]:
    depth = len(_scopes.ids)
    _scopes.ids.append(request_id)
    try:
        yield
    finally:
        del _scopes.ids[depth:]


def current_request() -> str | None:
    return _scopes.ids[-1]
