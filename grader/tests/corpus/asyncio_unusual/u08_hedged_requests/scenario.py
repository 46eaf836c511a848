import asyncio

OPTIONS = {"reorder": True, "cancel": "everywhere", "timer_jitter": True}


async def scenario(m):
    asked = []

    async def fetch(host):
        asked.append(host)
        await asyncio.sleep({"a": 1, "b": 0.2, "c": 0.3, "d": 0.3}[host])
        if host == "b":
            raise OSError(host)
        return host

    call = asyncio.create_task(m.hedged(fetch, "abcd", 0.25), name="call")
    await asyncio.wait([call])
    if not call.cancelled():
        assert call.result() in ("c", "d"), call.result()
        assert asked[:3] == ["a", "b", "c"], asked
