import asyncio

OPTIONS = {"cancel": "job*", "cancel_times": 2, "reorder": True}


async def scenario(m):
    gate, inside, most = m.Gate(2), 0, 0

    async def job():
        nonlocal inside, most
        async with gate:
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0.1)
            finally:
                inside -= 1

    jobs = [asyncio.create_task(job(), name=f"job {n}") for n in range(5)]
    await asyncio.gather(*jobs, return_exceptions=True)
    assert most <= 2, most
    assert gate.places == 2, gate.places
