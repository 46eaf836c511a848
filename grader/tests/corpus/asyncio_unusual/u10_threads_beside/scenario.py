import asyncio
import time

OPTIONS = {"reorder": True}


async def scenario(m):
    def read(name):
        time.sleep(0.3)
        return len(name)

    meter = m.Meter(read)
    values, _ = await asyncio.gather(meter.measure(["a", "bb", "ccc"]), asyncio.to_thread(read, "d"))
    assert values == [1, 2, 3] and meter.total == 6, meter.total
    await asyncio.sleep(0.1)
    assert sorted(meter.seen) == ["a", "bb", "ccc"]
