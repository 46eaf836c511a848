import asyncio

KIND = "exception"


async def scenario(m):
    room, heard = m.Room(), []

    def member(name):
        async def hear(text):
            await asyncio.sleep(0.01)
            heard.append((name, text))

        return hear

    async def join_later():
        await asyncio.sleep(0.015)
        room.members.add(member("c"))

    room.members |= {member("a"), member("b")}
    await asyncio.gather(room.say("hello"), join_later())
