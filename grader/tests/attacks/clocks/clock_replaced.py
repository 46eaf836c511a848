"""Stops every clock of the time module.

attacks: test_time
expected: failed or hung
stopped-by: split process
"""

import time

from honest_but_wrong import *


for name in ("time", "monotonic", "perf_counter", "process_time"):
    setattr(time, name, lambda: 0.0)
    setattr(time, f"{name}_ns", lambda: 0)
