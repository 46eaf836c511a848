"""A queue of slots; each slot holds a connection or None; clean-up happens at the next lease."""

import asyncio
import contextlib


class LeasePool:
    def __init__(self, connect, *, size):
        self._connect = connect
        self._slots = asyncio.Queue()
        self._size = size
        for _ in range(size):
            self._slots.put_nowait(None)

    @property
    def in_use(self):
        return self._size - self._slots.qsize()

    @contextlib.asynccontextmanager
    async def lease(self, timeout=None):
        conn = None
        async with asyncio.timeout(timeout):
            conn = await self._slots.get()
            try:
                if conn is None:
                    conn = await self._connect()
                elif conn.busy:
                    await conn.reset()
            except BaseException:
                self._slots.put_nowait(conn)
                raise
        try:
            yield conn
        finally:
            self._slots.put_nowait(conn)

    async def aclose(self):
        for _ in range(self._size):
            conn = await self._slots.get()
            if conn is not None:
                await conn.close()
