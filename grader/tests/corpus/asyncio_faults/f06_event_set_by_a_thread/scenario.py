import asyncio
import time

KIND = "race"


async def scenario(m):
    began = asyncio.get_running_loop().time()
    ended = await m.download(lambda: time.sleep(0.5))
    assert ended - began < 1, f"woken after {ended - began:g} s"
