"""Tickets and a Condition: the oldest ticket is next. Giving back runs in a task of the pool, shielded and kept."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from connections import Conn, PoolClosed, PoolStats


class LeasePool:
    def __init__(self, connect: Callable[[], Awaitable[Conn]], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._changed = asyncio.Condition()
        self._numbers = itertools.count()
        self._tickets: list[int] = []
        self._taken = 0
        self._leases = 0
        self._conns: list[Conn] = []
        self._free: list[Conn] = []
        self._closing = False
        self._jobs: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(self, timeout: float | None = None) -> AsyncIterator[Conn]:
        async with asyncio.timeout(timeout):
            await self._queue_up()
            try:
                if self._free:
                    conn = self._free.pop()
                else:
                    conn = await self._connect()
                    self._conns.append(conn)
            except BaseException:
                self._taken -= 1
                self._job(self._notify())
                raise
        self._leases += 1
        try:
            yield conn
        finally:
            self._leases -= 1
            await asyncio.shield(self._job(self._give_back(conn)))

    async def _queue_up(self) -> None:
        if self._closing:
            raise PoolClosed
        ticket = next(self._numbers)
        self._tickets.append(ticket)
        try:
            async with self._changed:
                await self._changed.wait_for(
                    lambda: self._closing or (self._tickets[0] == ticket and self._taken < self._size)
                )
                if self._closing:
                    raise PoolClosed
                self._taken += 1
        finally:
            self._tickets.remove(ticket)
            self._job(self._notify())

    def _job(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _give_back(self, conn: Conn) -> None:
        if conn.busy:
            try:
                async with asyncio.timeout(1):
                    await conn.reset()
            except Exception:
                with suppress(Exception):
                    await conn.close()
                self._conns.remove(conn)
                conn = None
        if conn is not None:
            self._free.append(conn)
        self._taken -= 1
        await self._notify()

    def stats(self) -> PoolStats:
        return PoolStats(len(self._conns), self._leases, len(self._tickets))

    async def aclose(self) -> None:
        self._closing = True
        await self._notify()
        async with self._changed:
            await self._changed.wait_for(lambda: self._taken == 0)
        while self._jobs:
            await asyncio.wait(self._jobs)
        await asyncio.gather(*(self._end(conn) for conn in list(self._conns)))

    async def _end(self, conn: Conn) -> None:
        with suppress(Exception):
            await conn.close()
        self._conns.remove(conn)
        with suppress(ValueError):
            self._free.remove(conn)
