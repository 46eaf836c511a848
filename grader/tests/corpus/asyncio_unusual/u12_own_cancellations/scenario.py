import asyncio

OPTIONS = {"cancel": "user", "cancel_times": 2}


async def scenario(m):
    running = 0

    async def load(key):
        nonlocal running
        running += 1
        try:
            await asyncio.sleep(0.1 if key == "fast" else 5)
            return key
        finally:
            running -= 1

    refresher = m.Refresher(load)
    answers = []

    async def user():
        for key in ("fast", "slow", "fast"):
            answers.append(await refresher.refresh(key))

    task = asyncio.create_task(user(), name="user")
    await asyncio.wait([task])
    await refresher.close()
    if not task.cancelled():
        assert answers == ["fast", None, "fast"], answers
    assert running == 0, running
