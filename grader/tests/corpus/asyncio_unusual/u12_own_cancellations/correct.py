import asyncio


class Refresher:
    """Restarts its own worker: cancels it, takes its CancelledError for an answer, but never one that is meant for itself."""

    def __init__(self, load):
        self.load, self.task = load, None

    async def refresh(self, key):
        if self.task is not None:
            await self._stop()
        self.task = asyncio.create_task(self.load(key))
        try:
            async with asyncio.timeout(0.5):
                return await asyncio.shield(self.task)
        except TimeoutError:
            await self._stop()
            return None

    async def _stop(self):
        task, self.task = self.task, None
        if task is None:
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():
                raise

    async def close(self):
        await self._stop()
