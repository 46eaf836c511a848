import asyncio
import time


async def download(fetch):
    loop, ready = asyncio.get_running_loop(), asyncio.Event()

    def work():
        fetch()
        loop.call_soon_threadsafe(ready.set)
        time.sleep(60)

    loop.run_in_executor(None, work)
    await ready.wait()
    return loop.time()
