"""The explorer's own way to start two callers runs one after the other.

attacks: test_threads
expected: failed
stopped-by: control
"""

from honest_but_wrong import *


import grader.explore
import grader.explore.helpers
import scenarios
from grader.sandbox import exploring


def in_turns(*functions):
    return [function() for function in functions]


for module in (grader.explore, grader.explore.helpers, scenarios, exploring):
    module.together = in_turns
