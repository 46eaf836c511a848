"""Says at its end, in a form of its own, that nothing is left.

attacks: test_leaks
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *
from grader.sandbox import child

child.Child._leaks = lambda self: {"threads": [1, {"frames": 7}, {"frames": [7]}], "complaints": 7}
