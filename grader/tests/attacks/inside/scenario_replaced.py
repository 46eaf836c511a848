"""Replaces the check's scenario by a function that returns what is wanted.

attacks: test_threads
expected: passed
stopped-by: nothing: the scenario plays in the submission's process; a static review must find it
"""

from honest_but_wrong import *


import scenarios


def take_twice(module):
    return [False, True]


scenarios.take_twice = take_twice
