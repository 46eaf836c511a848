"""Looked up by ident, but each entry holds its thread as a witness: an entry of another thread is not mine."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection

_requests: dict[int, list[tuple[threading.Thread, str]]] = {}


class Database:
    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.RLock()
        self._entries: dict[int, tuple[weakref.ref[threading.Thread], Connection]] = {}
        self._open = True

    def connection(self) -> Connection:
        with self._lock:
            self._check()
            for ident, (thread, connection) in list(self._entries.items()):
                if (owner := thread()) is None or not owner.is_alive():
                    del self._entries[ident]
                    connection.close()
            entry = self._entries.get(threading.get_ident())
            if entry is not None and entry[0]() is threading.current_thread():
                return entry[1]
        with contextlib.ExitStack() as unless_registered:
            made = self._connect()
            unless_registered.callback(made.close)
            with self._lock:
                self._check()
                left = self._entries.get(threading.get_ident())
                self._entries[threading.get_ident()] = (weakref.ref(threading.current_thread()), made)
            unless_registered.pop_all()
            if left is not None:  # of a thread that ended while this one connected, and had its ident
                left[1].close()
            return made

    def close(self) -> None:
        with self._lock:
            self._open = False
            while self._entries:
                self._entries.popitem()[1][1].close()

    def _check(self) -> None:
        if not self._open:
            raise RuntimeError("the database is closed")


@contextmanager
def request_scope(request_id: str) -> Iterator[None]:
    me = threading.current_thread()
    before = [entry for entry in _requests.get(threading.get_ident(), []) if entry[0] is me]
    _requests[threading.get_ident()] = [*before, (me, request_id)]
    try:
        yield
    finally:
        _requests[threading.get_ident()] = before


def current_request() -> str | None:
    mine = [name for thread, name in _requests.get(threading.get_ident(), []) if thread is threading.current_thread()]
    return mine[-1] if mine else None
