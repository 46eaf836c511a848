import asyncio

OPTIONS = {"reorder": True}


async def scenario(m):
    door, seen = m.Turnstile(2), []

    async def visitor():
        await door.enter()
        seen.append(door.inside)
        await asyncio.sleep(0.01)
        await door.leave()

    visitors = [asyncio.create_task(visitor()) for _ in range(4)]
    await door.unlock()
    await asyncio.gather(*visitors)
    await door.until_empty()
    assert max(seen) <= 2 and len(seen) == 4, seen
