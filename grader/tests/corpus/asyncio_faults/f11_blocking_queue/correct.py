import asyncio


class Bus:
    def __init__(self):
        self.items = asyncio.Queue()

    async def send(self, item):
        await asyncio.sleep(0.01)
        await self.items.put(item)

    async def receive(self):
        return await self.items.get()
