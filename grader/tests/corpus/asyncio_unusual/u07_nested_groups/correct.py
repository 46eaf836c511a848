import asyncio


class Stop(Exception):
    pass


async def first_answer(askers):
    """A group in a group: the first answer ends the inner one by an exception, which goes no further."""
    answers = []

    async def ask(asker):
        answer = await asker()
        if answer is not None:
            answers.append(answer)
            raise Stop

    async with asyncio.TaskGroup() as outer:
        try:
            async with asyncio.TaskGroup() as inner:
                for asker in askers:
                    inner.create_task(ask(asker))
        except* Stop:
            pass
        note = outer.create_task(asyncio.sleep(0.01, "noted"))
    return (answers[0] if answers else None), note.result()
