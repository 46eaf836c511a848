import asyncio


async def load(urls, fetch):
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(url)) for url in urls]
    except* ValueError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
