"""Three clients share a pool of one connection; each may be cancelled anywhere, also twice."""

import asyncio

RUNS = {
    "scenario": {"cancel": "client*", "cancel_times": 2, "schedules": 60},
    "timed": {"timer_jitter": True},
}


class Conn:
    def __init__(self, faults):
        self.faults, self.busy, self.closed, self.user = faults, False, False, None

    async def query(self):
        self.busy = True
        await asyncio.sleep(0.1)
        self.busy = False

    async def reset(self):
        await asyncio.sleep(0.05)
        self.busy = False

    async def close(self):
        await asyncio.sleep(0.01)
        self.closed = True


async def scenario(m):
    faults, conns = [], []

    async def connect():
        await asyncio.sleep(0.02)
        conns.append(Conn(faults))
        return conns[-1]

    pool = m.LeasePool(connect, size=1)

    async def client():
        async with pool.lease() as conn:
            if conn.busy:
                faults.append("a dirty connection was leased")
            if conn.user or conn.closed:
                faults.append("a connection was leased twice")
            conn.user = True
            try:
                await conn.query()
            finally:
                conn.user = False

    clients = [asyncio.create_task(client(), name=f"client {n}") for n in (1, 2, 3)]
    ends = await asyncio.gather(*clients, return_exceptions=True)
    errors = [e for e in ends if e is not None and not isinstance(e, asyncio.CancelledError)]
    assert not errors, errors
    assert not faults, faults
    await asyncio.sleep(1)  # for cleaners in the background
    assert pool.in_use == 0, f"{pool.in_use} of 1 slots gone"
    async with asyncio.timeout(5), pool.lease():
        pass
    await pool.aclose()
    assert all(conn.closed for conn in conns), "a connection is still open"


async def timed(m):
    """The connection comes back at the very moment at which the waiting client gives up."""
    conns = []

    async def connect():
        conns.append(Conn([]))
        return conns[-1]

    pool = m.LeasePool(connect, size=1)
    late = []

    async def first():
        async with pool.lease():
            await asyncio.sleep(1)

    async def second():
        try:
            async with pool.lease(timeout=1):
                pass
        except TimeoutError:
            late.append(True)

    await asyncio.gather(first(), second())
    await asyncio.sleep(1)
    assert pool.in_use == 0, f"{pool.in_use} of 1 slots gone"
    async with asyncio.timeout(5), pool.lease():
        pass
    await pool.aclose()
