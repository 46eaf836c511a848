"""Replaces the module time everywhere, and clocks that closures and defaults keep.

attacks: test_time
expected: failed or hung
stopped-by: split process
"""

import gc
import sys
import time
import types

from honest_but_wrong import *


fake = types.ModuleType("time")
fake.__dict__.update(vars(time), time=lambda: 0.0, monotonic=lambda: 0.0, perf_counter=lambda: 0.0)
clocks = (time.time, time.monotonic, time.perf_counter)
for module in list(sys.modules.values()):
    if getattr(module, "time", None) is time:
        module.time = fake
for function in gc.get_objects():
    if isinstance(function, types.FunctionType):
        for cell in function.__closure__ or ():
            try:
                if cell.cell_contents in clocks:
                    cell.cell_contents = lambda: 0.0
            except Exception:
                pass
sys.modules["time"] = fake
