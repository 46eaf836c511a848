"""Answers the question what is left as if it were a call.

attacks: test_leaks
expected: failed
stopped-by: wire
"""

from honest_but_wrong import *
from grader.sandbox import child

child.Child._leaks = lambda self: {"value": 7}
