import asyncio

KIND = "livelock"


async def scenario(m):
    async def call():
        await asyncio.sleep(0.01)
        raise OSError("down")

    task = asyncio.create_task(m.retry(call))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
