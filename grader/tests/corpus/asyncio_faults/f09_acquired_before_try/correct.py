import asyncio


class Limiter:
    def __init__(self, most):
        self.places = asyncio.Semaphore(most)

    async def run(self, prepare, job):
        async with self.places:
            await prepare()
            return await job()
