import asyncio

KIND = "race"
OPTIONS = {"reorder": True}


async def scenario(m):
    loads = []

    async def open_lock(key):
        await asyncio.sleep(0.01 * len(loads))
        return asyncio.Lock()

    async def load(key):
        loads.append(key)
        await asyncio.sleep(0.05)
        return key

    cache = m.Cache(open_lock)
    await asyncio.gather(*(cache.get("x", load) for _ in range(3)))
    assert loads == ["x"], f"{len(loads)} loads for one key"
