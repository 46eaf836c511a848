import asyncio

OPTIONS = {"reorder": True, "cancel": "everywhere", "cancel_times": 2}


async def scenario(m):
    async def load(n):
        await asyncio.sleep(0.02)
        return f"page {n}" if n < 5 else None

    feed = m.Feed(load)
    readers = [asyncio.create_task(feed.until(word), name=f"reader {word}") for word in ("2", "x")]
    ends = await asyncio.gather(*readers, return_exceptions=True)
    assert feed.open == 0, feed.open
    assert all(end in ("page 2", None) or isinstance(end, asyncio.CancelledError) for end in ends), ends
