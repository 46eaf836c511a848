import asyncio

KIND = "deadlock"
OPTIONS = {"cancel": "everywhere"}


async def scenario(m):
    limiter = m.Limiter(1)

    async def prepare():
        await asyncio.sleep(0.01)

    async def job():
        await asyncio.sleep(0.1)

    jobs = [asyncio.create_task(limiter.run(prepare, job), name=f"job {n}") for n in range(3)]
    await asyncio.gather(*jobs, return_exceptions=True)
    await limiter.run(prepare, job)
