"""A schedule and steps with terminal codes, commands, markup, long numbers and megabytes.

attacks: test_threads, test_tasks
expected: failed
stopped-by: judge
"""

from honest_but_wrong import *


from grader.sandbox import exploring


TEXT = "\n::error::x\n\x1b[2J\x07\u202e[red]|`<script>\ud800"
STEP = {"actor": TEXT, "file": TEXT, "line": 10**2000, "function": TEXT, "source": TEXT * 100, "state": {TEXT: TEXT}}
STEP |= {"holds": [TEXT, 7, None, [TEXT]] * 25, "waits": TEXT * 10}
STEPS = [STEP, {"line": -1}, {"line": True}, 7, None, {"state": 7}, {"actor": ["x"], "holds": TEXT, "waits": [TEXT]}] * 200


def evidence(self):
    return {"schedule": TEXT * 5000, "steps": STEPS, "switches": TEXT, "note": TEXT * 1000}


exploring.Explorations._evidence = evidence
