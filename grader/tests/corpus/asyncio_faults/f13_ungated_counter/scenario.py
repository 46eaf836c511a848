import asyncio

from grader.explore.tasks import choose

KIND = "race"
OPTIONS = {"cancel": "everywhere"}


async def scenario(m):
    """Whether the second one comes before the first has paid is left open."""
    late = choose([0.5, 0.2, 0.05])

    async def charge():
        await asyncio.sleep(0.1)

    seats = m.Seats(1, charge)

    async def second():
        await asyncio.sleep(late)
        return await seats.book()

    booked = [asyncio.create_task(seats.book(), name="first"), asyncio.create_task(second(), name="second")]
    got = [end for end in await asyncio.gather(*booked, return_exceptions=True) if end is True]
    assert len(got) <= 1 and seats.left == 1 - len(got), f"{len(got)} booked, {seats.left} of 1 left"
