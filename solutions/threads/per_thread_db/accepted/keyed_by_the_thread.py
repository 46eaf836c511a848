"""A dictionary from thread objects to connections, no `threading.local`; request ids in a ContextVar with their thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass, field

from connections import Connection


@dataclass(eq=False)
class Database:
    connect: Callable[[], Connection]
    _changing: threading.Condition = field(default_factory=threading.Condition)
    _by_thread: dict[threading.Thread, Connection] | None = field(default_factory=dict)

    def connection(self) -> Connection:
        me = threading.current_thread()
        with self._changing:
            known = self._known()
            for thread in [thread for thread in known if not thread.is_alive()]:
                known.pop(thread).close()
            if me in known:
                return known[me]
        made = self.connect()
        try:
            with self._changing:
                return self._known().setdefault(me, made)
        except RuntimeError:
            made.close()
            raise

    def close(self) -> None:
        with self._changing:
            known, self._by_thread = self._by_thread or {}, None
            for connection in known.values():
                connection.close()

    def _known(self) -> dict[threading.Thread, Connection]:
        if self._by_thread is None:
            raise RuntimeError("the database is closed")
        return self._by_thread


_request: ContextVar[tuple[threading.Thread, str] | None] = ContextVar("request", default=None)


class request_scope:  # noqa: N801 - a context manager that is used like a function
    def __init__(self, request_id: str) -> None:
        self._id = request_id
        self._token: Token[tuple[threading.Thread, str] | None] | None = None

    def __enter__(self) -> None:
        self._token = _request.set((threading.current_thread(), self._id))

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _request.reset(self._token)


def current_request() -> str | None:
    # Some builds of Python start a thread with a copy of its starter's context: that one's request is not ours.
    match _request.get():
        case (thread, request_id) if thread is threading.current_thread():
            return request_id
    return None
