import asyncio


async def pipeline(items, step, workers=3):
    """No locks and no shared variables: a queue in, a queue out, one sentinel that every worker passes on."""
    todo, done, end = asyncio.Queue(maxsize=1), asyncio.Queue(), object()

    async def worker():
        while (item := await todo.get()) is not end:
            done.put_nowait((item, await step(item)))
        await todo.put(end)

    async def feed():
        for item in items:
            await todo.put(item)
        await todo.put(end)

    crew = [asyncio.ensure_future(job) for job in [feed(), *(worker() for _ in range(workers))]]
    results = {}
    try:
        for _ in items:
            item, result = await done.get()
            results[item] = result
        await crew[0]
        return results
    finally:
        for task in crew:
            task.cancel()
        await asyncio.gather(*crew, return_exceptions=True)
