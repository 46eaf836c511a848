import asyncio


class Turnstile:
    """One condition, three predicates: open, not full, and empty again."""

    def __init__(self, most):
        self.most, self.inside, self.open = most, 0, False
        self.changed = asyncio.Condition()

    async def unlock(self):
        async with self.changed:
            self.open = True
            self.changed.notify_all()

    async def enter(self):
        async with self.changed:
            await self.changed.wait_for(lambda: self.open and self.inside < self.most)
            self.inside += 1

    async def leave(self):
        async with self.changed:
            self.inside -= 1
            self.changed.notify_all()

    async def until_empty(self):
        async with self.changed:
            await self.changed.wait_for(lambda: self.open and self.inside == 0)
