import time

KIND = "exception"


async def scenario(m):
    assert await m.load(lambda: time.sleep(5), 1) is None
