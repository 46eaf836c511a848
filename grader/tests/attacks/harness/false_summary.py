"""Ends an exploration at once with a summary of no known form.

attacks: test_threads, test_tasks
expected: failed
stopped-by: control
"""

from honest_but_wrong import *


from grader.sandbox import exploring


exploring.Explorations._next = lambda self: {"failure": None, "summary": 7}
