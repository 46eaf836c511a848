import asyncio
import inspect
import time


async def load_all(sources):
    async def load(source):
        if inspect.iscoroutinefunction(source):
            return await source()
        return source()

    return await asyncio.gather(*(load(source) for source in sources))


def slow_source():
    time.sleep(0.3)
    return "slow"
