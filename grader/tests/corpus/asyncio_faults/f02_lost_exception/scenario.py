import asyncio

KIND = "exception"


async def scenario(m):
    async def write(value):
        await asyncio.sleep(0.05)
        if value == 2:
            raise OSError("disk full")

    saver = m.Saver(write)
    for value in (1, 2, 3):
        saver.save(value)
    await saver.close()
