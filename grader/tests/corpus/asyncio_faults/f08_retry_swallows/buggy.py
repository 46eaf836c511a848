import asyncio


async def retry(call):
    while True:
        try:
            return await call()
        except BaseException:
            await asyncio.sleep(0.1)
