"""Gives back only when all went well."""

import asyncio
import collections
import contextlib


class LeasePool:
    def __init__(self, connect, *, size):
        self._connect, self._size = connect, size
        self._idle, self._waiters, self._cleaners = [], collections.deque(), set()
        self._open = self.in_use = 0

    @contextlib.asynccontextmanager
    async def lease(self, timeout=None):
        async with asyncio.timeout(timeout):
            conn = await self._acquire()
        yield conn
        self._give_back(conn)

    async def _acquire(self):
        if self._idle:
            self.in_use += 1
            return self._idle.pop()
        if self._open < self._size:
            self._open += 1
            self.in_use += 1
            try:
                return await self._connect()
            except BaseException:
                self._open -= 1
                self.in_use -= 1
                self._let_next_connect()
                raise
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            conn = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                if waiter.result() is not None:
                    self._hand_on(waiter.result())
                else:
                    self._let_next_connect()
            raise
        if conn is None:
            return await self._acquire()
        self.in_use += 1
        return conn

    def _let_next_connect(self):
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _hand_on(self, conn):
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(conn)
                return
        self._idle.append(conn)

    def _give_back(self, conn):
        self.in_use -= 1
        if not conn.busy:
            self._hand_on(conn)
            return
        cleaner = asyncio.create_task(self._clean(conn))
        self._cleaners.add(cleaner)
        cleaner.add_done_callback(self._cleaners.discard)

    async def _clean(self, conn):
        await conn.reset()
        self._hand_on(conn)

    async def aclose(self):
        while self._cleaners:
            await asyncio.wait(set(self._cleaners))
        for conn in self._idle:
            await conn.close()
