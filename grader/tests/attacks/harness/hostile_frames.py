"""An exception told with frames, lines and names of its own making.

attacks: test_sum, test_callback, test_leaks
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *


from grader.sandbox import child

TEXT = "\n::error::x\n\x1b[2J\u202e\ud800"
FRAMES = [["f" + TEXT, 7, TEXT * 1000, TEXT * 1000]] * 60


def raised(self, error):
    return {"type": TEXT * 1000, "mro": [TEXT, 7] * 1000, "message": TEXT * 1000, "frames": frames[str(error)]}


child.Child._raised = raised
frames = {"add": FRAMES, "relay": [["a", 10**4000, "b", "c"]], "work": 7}


def add(a, b):
    raise ValueError("add")


def relay(fetch, keys):
    raise ValueError("relay")


def work():
    raise ValueError("work")
