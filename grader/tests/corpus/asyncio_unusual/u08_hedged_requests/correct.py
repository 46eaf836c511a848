import asyncio


async def hedged(fetch, hosts, delay):
    """Ask the next host when the last one is slow; take the first answer; what is left is cancelled and awaited."""
    pending, errors, queue = set(), [], list(hosts)
    try:
        while queue or pending:
            if queue:
                pending.add(asyncio.create_task(fetch(queue.pop(0))))
            done, pending = await asyncio.wait(
                pending, timeout=delay if queue else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if task.exception() is None:
                    return task.result()
                errors.append(task.exception())
        raise ExceptionGroup("no answer", errors)
    finally:
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.gather(*pending, return_exceptions=True)
