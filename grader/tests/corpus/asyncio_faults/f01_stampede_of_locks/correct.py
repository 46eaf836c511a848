import asyncio


class Cache:
    def __init__(self, open_lock):
        self.open_lock, self.locks, self.data = open_lock, {}, {}

    async def get(self, key, load):
        if key not in self.locks:
            lock = await self.open_lock(key)
            self.locks.setdefault(key, lock)
        async with self.locks[key]:
            if key not in self.data:
                self.data[key] = await load(key)
        return self.data[key]
