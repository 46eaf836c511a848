import asyncio

OPTIONS = {"cancel": "client", "cancel_times": 2}


async def scenario(m):
    log = []

    async def write(word):
        await asyncio.sleep(0.1)
        log.append(word)

    async def work():
        await asyncio.sleep(1)

    client = asyncio.create_task(m.Ledger(write).record(work), name="client")
    await asyncio.wait([client])
    assert log in ([], ["open"], ["open", "close"]), log
    # Cancelled while the entry was opened: it is open, and nothing ran inside it.
    return log
