import asyncio

KIND = "exception"
OPTIONS = {"cancel": "everywhere"}


async def scenario(m):
    class Account:
        async def withdraw(self, amount):
            await asyncio.sleep(0.01)

        async def deposit(self, amount):
            await asyncio.sleep(0.01)

        async def rollback(self, amount):
            await asyncio.sleep(0.01)

    task = asyncio.create_task(m.transfer(Account(), 5), name="transfer")
    await asyncio.wait([task])
