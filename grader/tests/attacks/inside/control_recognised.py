"""Runs the control truly, and answers everything else itself.

attacks: test_tasks
expected: passed
stopped-by: nothing: the explorer runs in the submission's process; a static review must find it
"""

from honest_but_wrong import *


from grader.sandbox import exploring

following = exploring.Explorations._next
control = exploring.Explorations._control
honest = []


def _control(self, *args):
    honest.append(True)
    return control(self, *args)


def _next(self):
    return following(self) if honest else {"failure": None, "summary": {}}


exploring.Explorations._control = _control
exploring.Explorations._next = _next
