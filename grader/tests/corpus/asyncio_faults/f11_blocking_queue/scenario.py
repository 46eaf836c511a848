import asyncio

KIND = "deadlock"


async def scenario(m):
    bus = m.Bus()
    _, item = await asyncio.gather(bus.send(1), bus.receive())
    assert item == 1
