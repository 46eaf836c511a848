"""Answers an exploration with outcomes that are none.

attacks: test_threads, test_tasks
expected: failed
stopped-by: judge
"""

from honest_but_wrong import *


from grader.sandbox import exploring


exploring.Explorations._next = lambda self: {"value": {"a": 1 << 3000}, "schedule": 7, "summary": "all is well"}
exploring.Explorations._evidence = lambda self: [1, 2]
