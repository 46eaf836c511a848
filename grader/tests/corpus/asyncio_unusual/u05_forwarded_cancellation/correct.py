import asyncio


async def run_with_progress(work, report):
    """The work is a task of its own; a cancellation is handed to it, and it has the last word."""
    task = asyncio.create_task(work())
    ticks = 0
    try:
        while True:
            done, _ = await asyncio.wait([task], timeout=0.3)
            if done:
                return task.result()
            ticks += 1
            report(ticks)
    except asyncio.CancelledError:
        task.cancel()
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                task.cancel()
        raise
