import asyncio

OPTIONS = {"reorder": True, "cancel": "client*"}


async def scenario(m):
    counter = m.Counter()
    clients = [asyncio.create_task(counter.add(n), name=f"client {n}") for n in (1, 2, 4)]
    ends = await asyncio.gather(*clients, return_exceptions=True)
    assert await counter.add(0) == 7
    await counter.close()
    assert all(isinstance(end, asyncio.CancelledError | int) for end in ends), ends
