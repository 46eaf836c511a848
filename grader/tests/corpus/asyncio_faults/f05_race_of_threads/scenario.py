KIND = "race"


async def scenario(m):
    tally = m.Tally()
    await tally.add_all([1, 2, 3])
    assert tally.total == 6, tally.total
