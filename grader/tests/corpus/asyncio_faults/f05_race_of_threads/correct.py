import asyncio
import threading


class Tally:
    def __init__(self):
        self.total, self.lock = 0, threading.Lock()

    def add(self, amount):
        with self.lock:
            seen = self.total
            self.total = seen + amount

    async def add_all(self, amounts):
        await asyncio.gather(*(asyncio.to_thread(self.add, amount) for amount in amounts))
