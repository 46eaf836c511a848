import asyncio
import contextlib


class Feed:
    """Pages from an asynchronous generator, opened in an exit stack, and left in the middle."""

    def __init__(self, load):
        self.load, self.open = load, 0

    @contextlib.asynccontextmanager
    async def session(self):
        self.open += 1
        try:
            await asyncio.sleep(0.01)
            yield self
        finally:
            self.open -= 1

    async def pages(self):
        number = 0
        while (page := await self.load(number)) is not None:
            yield page
            number += 1

    async def until(self, word):
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.session())
            pages = await stack.enter_async_context(contextlib.aclosing(self.pages()))
            async for page in pages:
                if word in page:
                    return page
        return None
