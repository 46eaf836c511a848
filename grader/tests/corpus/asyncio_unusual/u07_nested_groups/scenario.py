import asyncio

OPTIONS = {"reorder": True, "cancel": "everywhere", "timer_jitter": True}


async def scenario(m):
    ended = []

    def asker(seconds, answer):
        async def ask():
            try:
                await asyncio.sleep(seconds)
                return answer
            finally:
                ended.append(seconds)

        return ask

    run = asyncio.create_task(m.first_answer([asker(0.3, None), asker(0.5, "b"), asker(0.5, "c"), asker(9, "d")]))
    await asyncio.wait([run])
    if not run.cancelled():
        assert run.result()[0] in ("b", "c") and run.result()[1] == "noted"
        assert sorted(ended) == [0.3, 0.5, 0.5, 9], ended
