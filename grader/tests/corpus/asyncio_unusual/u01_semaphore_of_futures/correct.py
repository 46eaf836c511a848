import asyncio
import collections


class Gate:
    """A semaphore made by hand: places are handed from one to the next, never given back in between."""

    def __init__(self, places):
        self.places, self.waiters = places, collections.deque()

    async def __aenter__(self):
        if self.places and not self.waiters:
            self.places -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._next()  # it came at the same moment
            raise

    async def __aexit__(self, *exc):
        self._next()

    def _next(self):
        while self.waiters:
            turn = self.waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.places += 1
