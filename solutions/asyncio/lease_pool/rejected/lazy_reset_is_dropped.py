"""Resets at the beginning of the next lease; when that one is cancelled, the connection is forgotten.

caught-by: test_cancelled_beside_an_interrupted_connection (failed)
says: "connections at once"
misconception: M15 cancellation is an error like others, or never comes
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from connections import Conn, PoolClosed, PoolStats


class LeasePool:
    def __init__(self, connect: Callable[[], Awaitable[Conn]], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._places = asyncio.Semaphore(size)
        self._idle: list[Conn] = []  # clean and interrupted ones
        self._condemned: list[Conn] = []  # to be closed by whoever comes next
        self._leased: set[int] = set()
        self._waiting = 0
        self._closed = False

    @asynccontextmanager
    async def lease(self, timeout: float | None = None) -> AsyncIterator[Conn]:
        if self._closed:
            raise PoolClosed
        async with asyncio.timeout(timeout) as deadline:
            self._waiting += 1
            try:
                await self._places.acquire()
            finally:
                self._waiting -= 1
            try:
                if self._closed:
                    raise PoolClosed
                conn = await self._usable()
            except BaseException:
                self._places.release()
                raise
            deadline.reschedule(None)
        self._leased.add(id(conn))
        try:
            yield conn
        finally:
            self._leased.discard(id(conn))
            self._idle.append(conn)
            self._places.release()

    async def _usable(self) -> Conn:
        await self._close_condemned()
        while self._idle:
            conn = self._idle.pop()
            if not conn.busy:
                return conn
            try:
                async with asyncio.timeout(1.0):
                    await conn.reset()
            except Exception:
                self._condemned.append(conn)
            else:
                return conn
            await self._close_condemned()
        return await self._connect()

    async def _close_condemned(self) -> None:
        while self._condemned:
            conn = self._condemned.pop()
            with suppress(Exception):
                await conn.close()

    def stats(self) -> PoolStats:
        return PoolStats(len(self._idle) + len(self._condemned) + len(self._leased), len(self._leased), self._waiting)

    async def aclose(self) -> None:
        self._closed = True
        taken = 0
        try:
            while taken < self._size:
                await self._places.acquire()
                taken += 1
        finally:
            for _ in range(taken):
                self._places.release()
        self._condemned += self._idle
        self._idle.clear()
        await self._close_condemned()
