import asyncio

KIND = "exception"


async def scenario(m):
    async def quick():
        await asyncio.sleep(0.01)
        return "quick"

    assert await m.load_all([quick, m.slow_source, quick]) == ["quick", "slow", "quick"]
