"""Frees the place when connect raises, but not when it is cancelled.

caught-by: test_a_cancelled_lease_loses_no_place (failed)
says: "1 of 1 places gone"
misconception: M15 cancellation is an error like others, or never comes
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from connections import Conn, PoolClosed, PoolStats

RESET_SECONDS = 1.0


class LeasePool:
    def __init__(self, connect: Callable[[], Awaitable[Conn]], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._free = size  # places that nobody has; every other one belongs to a lease, or to a task that cleans
        self._leases = 0
        self._open = 0
        self._idle: list[Conn] = []
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._cleaners: set[asyncio.Task[None]] = set()
        self._closed = False
        self._all_free = asyncio.Event()
        self._all_free.set()

    @asynccontextmanager
    async def lease(self, timeout: float | None = None) -> AsyncIterator[Conn]:
        async with asyncio.timeout(timeout):
            await self._take_place()
            try:
                conn = await self._connection()
            except Exception:
                self._pass_place_on()
                raise
        self._leases += 1
        try:
            yield conn
        finally:
            self._leases -= 1
            self._take_back(conn)

    def stats(self) -> PoolStats:
        waiting = sum(not waiter.done() for waiter in self._waiters)
        return PoolStats(self._open, self._leases, waiting)

    async def aclose(self) -> None:
        self._closed = True
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(PoolClosed("the pool was closed"))
        await self._all_free.wait()
        while self._idle:
            await self._close(self._idle[-1])
            self._idle.pop()

    async def _take_place(self) -> None:
        if self._closed:
            raise PoolClosed("the pool is closed")
        if self._free:  # then nobody waits
            self._free -= 1
            self._all_free.clear()
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._pass_place_on()  # it came together with the cancellation
            else:
                with suppress(ValueError):
                    self._waiters.remove(waiter)
            raise

    def _pass_place_on(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
        if self._free == self._size:
            self._all_free.set()

    async def _connection(self) -> Conn:
        if self._idle:
            return self._idle.pop()
        conn = await self._connect()
        self._open += 1
        return conn

    def _take_back(self, conn: Conn) -> None:
        """Without an await: a cancellation cannot come in between."""
        if not conn.busy:
            self._idle.append(conn)
            self._pass_place_on()
            return
        cleaner = asyncio.create_task(self._clean(conn))
        self._cleaners.add(cleaner)
        cleaner.add_done_callback(self._cleaners.discard)

    async def _clean(self, conn: Conn) -> None:
        try:
            try:
                async with asyncio.timeout(RESET_SECONDS):
                    await conn.reset()
            except Exception:
                await self._close(conn)
            else:
                self._idle.append(conn)
        finally:
            self._pass_place_on()

    async def _close(self, conn: Conn) -> None:
        with suppress(Exception):
            await conn.close()
        self._open -= 1
