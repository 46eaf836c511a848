import asyncio

KIND = "leak"


async def scenario(m):
    async def fetch(url):
        await asyncio.sleep(len(url))
        if url == "b":
            raise ValueError(url)

    try:
        await m.load(["aaa", "b", "cc"], fetch)
    except ValueError:
        return
    raise AssertionError("no error")
