"""A queue of places, each with its connection or None; a fair lock keeps the line. Tasks of the pool do the cleaning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from connections import Conn, PoolClosed, PoolStats


class LeasePool:
    def __init__(self, connect: Callable[[], Awaitable[Conn]], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._turn = asyncio.Lock()
        self._places: asyncio.LifoQueue[Conn | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._places.put_nowait(None)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = self._in_use = self._waiting = 0
        self._closed = asyncio.Event()

    @asynccontextmanager
    async def lease(self, timeout: float | None = None) -> AsyncIterator[Conn]:
        if self._closed.is_set():
            raise PoolClosed
        async with asyncio.timeout(timeout):
            place = await self._place()
            try:
                if self._closed.is_set():
                    raise PoolClosed
                if place is None:
                    conn = await self._connect()
                    self._open += 1
                else:
                    conn = place
            except BaseException:
                self._places.put_nowait(place)
                raise
        self._in_use += 1
        try:
            yield conn
        finally:
            self._in_use -= 1
            if conn.busy:
                task = asyncio.create_task(self._clean(conn), name="clean a connection")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                self._places.put_nowait(conn)

    async def _place(self) -> Conn | None:
        self._waiting += 1
        try:
            async with self._turn:
                return await self._places.get()
        finally:
            self._waiting -= 1

    async def _clean(self, conn: Conn) -> None:
        cleaned: Conn | None = None
        try:
            await asyncio.wait_for(conn.reset(), 1.0)
            cleaned = conn
        except Exception:
            await self._quietly_close(conn)
        finally:
            self._places.put_nowait(cleaned)

    async def _quietly_close(self, conn: Conn) -> None:
        try:
            await conn.close()
        except Exception:
            pass
        finally:
            self._open -= 1

    def stats(self) -> PoolStats:
        return PoolStats(open=self._open, in_use=self._in_use, waiting=self._waiting)

    async def aclose(self) -> None:
        self._closed.set()
        collected: list[Conn | None] = []
        try:
            while len(collected) < self._size:
                async with self._turn:
                    place = await self._places.get()
                collected.append(place)
                if place is not None:
                    await self._quietly_close(place)
                    collected[-1] = None
        finally:
            for place in collected:
                self._places.put_nowait(place)
        while self._tasks:
            await asyncio.wait(self._tasks)
