import asyncio
from concurrent.futures import ThreadPoolExecutor


async def load(source, seconds):
    pool = ThreadPoolExecutor(1)
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().run_in_executor(pool, source)
    except TimeoutError:
        return None
    finally:
        pool.shutdown(wait=False)
