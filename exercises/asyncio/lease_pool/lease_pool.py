"""A pool that survives cancellation: the stub. README.md tells the task; `connections.py` is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from connections import Conn, PoolClosed, PoolStats

__all__ = ["Conn", "LeasePool", "PoolClosed", "PoolStats"]


class LeasePool:
    """Lends at most `size` connections to any number of tasks."""

    def __init__(self, connect: Callable[[], Awaitable[Conn]], *, size: int) -> None:
        # TODO: which connections exist, which of them nobody has, and who waits?
        raise NotImplementedError

    @asynccontextmanager
    async def lease(self, timeout: float | None = None) -> AsyncIterator[Conn]:
        """Lend a connection for the time of the `async with` block. TimeoutError if there is none after `timeout` seconds."""
        # TODO: for each `await` in here: a cancellation arrives at this very place. What do you hold?
        raise NotImplementedError
        yield

    def stats(self) -> PoolStats:
        """The numbers of this moment."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Give out no more leases, wait for those that are held, close all connections."""
        raise NotImplementedError
