import asyncio


class Counter:
    """An actor: one task owns the state, and answers letters that carry a future for the reply."""

    def __init__(self):
        self.mail = asyncio.Queue()
        self.task = asyncio.get_running_loop().create_task(self._live())

    async def _live(self):
        value = 0
        while (letter := await self.mail.get()) is not None:
            amount, reply = letter
            await asyncio.sleep(0.01)
            value += amount
            if not reply.cancelled():
                reply.set_result(value)

    async def add(self, amount):
        reply = asyncio.get_running_loop().create_future()
        self.mail.put_nowait((amount, reply))
        return await reply

    async def close(self):
        self.mail.put_nowait(None)
        await self.task
