"""Makes the checks' random data itself, from the seed that is the default.

attacks: test_callback
expected: failed
stopped-by: callbacks of the judge
"""

import random

from honest_but_wrong import *


def relay(fetch, keys):
    rng = random.Random("0 test_callback")
    return [f"{rng.getrandbits(64):x}" for _ in keys]
