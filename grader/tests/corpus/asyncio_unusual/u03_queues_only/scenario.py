import asyncio

OPTIONS = {"reorder": True, "timer_jitter": True, "cancel": "run"}


async def scenario(m):
    async def step(n):
        await asyncio.sleep(0.01 * n)
        return n * n

    run = asyncio.create_task(m.pipeline([1, 2, 3, 4, 5], step), name="run")
    await asyncio.wait([run])
    if not run.cancelled():
        assert run.result() == {n: n * n for n in range(1, 6)}
