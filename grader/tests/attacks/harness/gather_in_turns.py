"""asyncio.gather awaits one after the other.

attacks: test_tasks
expected: failed
stopped-by: control
"""

import asyncio

from honest_but_wrong import *


async def in_turns(*awaitables, **_):
    return [await each for each in awaitables]


asyncio.gather = in_turns
