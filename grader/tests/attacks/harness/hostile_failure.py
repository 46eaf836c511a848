"""A deadlock that never was, told with terminal codes, long numbers and false forms.

attacks: test_threads, test_tasks
expected: failed or hung
stopped-by: judge
"""

from honest_but_wrong import *


from grader.sandbox import exploring


TEXT = "\n::error::x\n\x1b[2J\x07\u202e[red]|`<script>\ud800"
STEP = {"actor": TEXT, "file": TEXT, "line": 10**2000, "function": TEXT, "source": TEXT * 100, "state": {TEXT: TEXT}}
STEPS = [STEP, {"line": -1}, {"line": True}, 7, None, {"state": 7}, {"actor": ["x"]}] * 200


WAIT = {"actor": TEXT, "what": TEXT, "file": 7, "line": 10**2000, "source": TEXT, "holder": None, "holder_line": 10**2000}


def following(self):
    failure = {"kind": "deadlock", "message": TEXT * 1000, "schedule": TEXT * 10_000, "steps": STEPS, "waits": [WAIT, 7] * 1000}
    return {"failure": {**failure, "place": [TEXT * 100, 10**2000], "type": ["x"], "note": TEXT}, "summary": {}}


exploring.Explorations._next = following
