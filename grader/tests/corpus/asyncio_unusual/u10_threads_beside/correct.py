import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor


class Meter:
    """Blocking reads in a pool of threads that share a lock; the loop is told of progress from outside."""

    def __init__(self, read):
        self.read, self.lock, self.total = read, threading.Lock(), 0
        self.seen = []

    def _measure(self, loop, name):
        value = self.read(name)
        with self.lock:
            total = self.total
            time.sleep(0.01)
            self.total = total + value
        loop.call_soon_threadsafe(self.seen.append, name)
        return value

    async def measure(self, names):
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(len(names))
        try:
            futures = [loop.run_in_executor(pool, self._measure, loop, name) for name in names]
            async with asyncio.timeout(5):
                return await asyncio.gather(*futures)
        finally:
            pool.shutdown(wait=False)
