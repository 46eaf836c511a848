"""Answers a list where an exploration asks.

attacks: test_threads, test_tasks
expected: failed
stopped-by: judge
"""

from honest_but_wrong import *


from grader.sandbox import exploring


exploring.Explorations._next = lambda self: [1, 2, 3]
