import asyncio


async def retry(call):
    while True:
        try:
            return await call()
        except Exception:
            await asyncio.sleep(0.1)
