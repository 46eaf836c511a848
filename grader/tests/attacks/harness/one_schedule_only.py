"""Lets the explorer try a single schedule.

attacks: test_threads, test_tasks
expected: failed
stopped-by: control
"""

from honest_but_wrong import *


from grader.sandbox import exploring

options, explore_tasks = exploring.Options, exploring.explore_tasks
exploring.Options = lambda **given: options(**{**given, "schedules": 1})
exploring.explore_tasks = lambda *args, **given: explore_tasks(*args, **{**given, "schedules": 1})
