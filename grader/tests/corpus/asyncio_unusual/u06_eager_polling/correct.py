import asyncio


class Cell:
    """No primitive at all: whoever waits looks again and again, and lets the others on in between."""

    def __init__(self):
        self.value, self.full = None, False

    async def put(self, value):
        while self.full:
            await asyncio.sleep(0)
        self.value, self.full = value, True

    async def take(self):
        while not self.full:
            await asyncio.sleep(0)
        self.full = False
        return self.value
