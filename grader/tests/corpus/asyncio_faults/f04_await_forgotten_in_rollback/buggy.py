import asyncio


async def transfer(account, amount):
    await account.withdraw(amount)
    try:
        await account.deposit(amount)
    except BaseException:
        account.rollback(amount)
        raise
