import asyncio

OPTIONS = {"reorder": True, "cancel": "spare"}


async def scenario(m):
    cell, got = m.Cell(), []

    async def producer():
        for n in range(3):
            await cell.put(n)

    async def consumer():
        for _ in range(3):
            got.append(await cell.take())

    async def spare():
        await asyncio.sleep(0.01)

    task = asyncio.create_task(spare(), name="spare")
    await asyncio.gather(producer(), consumer())
    await asyncio.wait([task])
    assert got == [0, 1, 2], got
