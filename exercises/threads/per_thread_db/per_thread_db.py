"""One connection for each thread: the stub. README.md tells the task; `connections.py` is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connections import Connection


class Database:
    """Gives every thread a connection of its own, and closes each of them in time."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        # TODO: where does a thread keep its connection, and who else has to know of it?
        raise NotImplementedError

    def connection(self) -> Connection:
        """The calling thread's own connection, made when it asks for the first time."""
        # TODO: between your lines other threads come, go, and call close().
        raise NotImplementedError

    def close(self) -> None:
        """Close all connections, of all threads. Can be called from any thread, and again."""
        raise NotImplementedError


@contextmanager
def request_scope(request_id: str) -> Iterator[None]:
    """While the block runs, `current_request()` in this thread is `request_id`; after it, what it was before."""
    raise NotImplementedError
    yield


def current_request() -> str | None:
    """The id of the innermost scope of the calling thread; None outside of any."""
    raise NotImplementedError
