"""A condition; the clean-up is a task that the leaving client waits for, however often it is cancelled meanwhile."""

import asyncio
import contextlib


async def finish(coroutine):
    """Run to the end; a cancellation that comes meanwhile is raised afterwards."""
    task = asyncio.ensure_future(coroutine)
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


class LeasePool:
    def __init__(self, connect, *, size):
        self._connect, self._size = connect, size
        self._changed = asyncio.Condition()
        self._idle = []
        self._open = self.in_use = 0

    @contextlib.asynccontextmanager
    async def lease(self, timeout=None):
        async with asyncio.timeout(timeout):
            conn = await self._acquire()
        try:
            yield conn
        finally:
            await finish(self._release(conn))

    async def _acquire(self):
        async with self._changed:
            await self._changed.wait_for(lambda: self._idle or self._open < self._size)
            self.in_use += 1
            if self._idle:
                return self._idle.pop()
            self._open += 1
            try:
                return await self._connect()
            except BaseException:
                self._open -= 1
                self.in_use -= 1
                self._changed.notify_all()
                raise

    async def _release(self, conn):
        if conn.busy:
            await conn.reset()
        async with self._changed:
            self.in_use -= 1
            self._idle.append(conn)
            self._changed.notify_all()

    async def aclose(self):
        for conn in self._idle:
            await conn.close()
