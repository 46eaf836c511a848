import asyncio


class Ledger:
    """Opening and closing an entry belong together, whatever is cancelled and however often."""

    def __init__(self, write):
        self.write = write

    async def record(self, work):
        await self.uninterrupted(self.write("open"))
        try:
            return await work()
        finally:
            await self.uninterrupted(self.write("close"))

    async def uninterrupted(self, coroutine):
        task = asyncio.create_task(coroutine)
        interrupted = False
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                interrupted = True
        task.result()
        if interrupted:
            raise asyncio.CancelledError
