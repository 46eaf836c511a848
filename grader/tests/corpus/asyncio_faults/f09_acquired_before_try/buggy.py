import asyncio


class Limiter:
    def __init__(self, most):
        self.places = asyncio.Semaphore(most)

    async def run(self, prepare, job):
        await self.places.acquire()
        await prepare()
        try:
            return await job()
        finally:
            self.places.release()
