import asyncio

OPTIONS = {"cancel": "everywhere", "cancel_times": 2}


async def scenario(m):
    state, ticks = [], []

    async def work():
        state.append("began")
        try:
            await asyncio.sleep(1)
            return "done"
        finally:
            try:
                await asyncio.sleep(0.2)
            finally:
                state.append("ended")

    runner = asyncio.create_task(m.run_with_progress(work, ticks.append), name="runner")
    await asyncio.wait([runner])
    assert state in ([], ["began", "ended"]), state
    if not runner.cancelled():
        assert runner.result() == "done" and ticks[:3] == [1, 2, 3], ticks
