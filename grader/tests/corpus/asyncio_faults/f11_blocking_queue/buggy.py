import asyncio
import queue


class Bus:
    def __init__(self):
        self.items = queue.Queue()

    async def send(self, item):
        await asyncio.sleep(0.01)
        self.items.put(item)

    async def receive(self):
        return self.items.get()
