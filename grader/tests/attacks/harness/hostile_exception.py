"""A failed schedule whose kind, type and place are of no known form.

attacks: test_threads, test_tasks
expected: failed
stopped-by: judge
"""

from honest_but_wrong import *


from grader.sandbox import exploring


TEXT = "\n::error::x\n\x1b[2J\x07\u202e[red]|`<script>\ud800"
STEP = {"actor": TEXT, "file": TEXT, "line": 10**2000, "function": TEXT, "source": TEXT * 100, "state": {TEXT: TEXT}}
STEPS = [STEP, {"line": -1}, {"line": True}, 7, None, {"state": 7}, {"actor": ["x"]}] * 200


def following(self):
    failure = {"kind": ["x"], "message": 7, "schedule": ["x"], "steps": {"a": 1}, "waits": 7, "switches": [1]}
    return {"failure": {**failure, "place": [["a"], "b"], "type": {"a": 1}, "note": 7}, "summary": []}


exploring.Explorations._next = following
