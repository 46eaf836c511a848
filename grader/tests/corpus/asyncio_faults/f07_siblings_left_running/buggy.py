import asyncio


async def load(urls, fetch):
    return await asyncio.gather(*(fetch(url) for url in urls))
