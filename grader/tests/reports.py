"""Reports of every kind, made by hand in the form that judges give them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from grader.verdict import CheckResult, ExerciseResult, Kind, Report, Verdict, exercise_result

ENVIRONMENT = {
    "python": "3.11.7", "gil": True, "platform": "linux-x86_64", "cores": 2, "effective_cores": 1.9,
    "isolation": "bubblewrap", "differences": [],
}  # fmt: skip
SOURCE = '''"""A counter."""

from threading import Lock


class Counter:
    def __init__(self):
        self._lock = Lock()
        self._other = Lock()
        self.value = 0

    def add(self):
        value = self.value
        with self._lock:
            self.value = value + 1

    def swap(self):
        with self._lock:
            with self._other:
                pass

    def swap_back(self):
        with self._other:
            with self._lock:
                pass
'''
SHA = hashlib.sha256(SOURCE.encode()).hexdigest()
SOURCES = {SHA: SOURCE}


def step(thread: str, line: int, state: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    source = SOURCE.splitlines()[line - 1].strip()
    return {
        "thread": thread, "file": "counter.py", "line": line, "function": "add", "source": source, "state": state or {},
        **more,
    }  # fmt: skip


RACE: dict[str, Any] = {
    "type": "schedule",
    "token": "kt1-3a-0c11b",
    "steps": [
        step("main", 8), step("main", 10),
        step("thread 1", 13, {"self.value": "0"}),
        step("thread 1", 14, {"self.value": "0", "value": "0"}),
        step("thread 2", 13, {"self.value": "0"}),
        step("thread 2", 14, {"self.value": "0", "value": "0"}),
        step("thread 2", 15, {"self.value": "0", "value": "0"}, holds=["self._lock"]),
        step("thread 1", 15, {"self.value": "1", "value": "0"}, holds=["self._lock"]),
        step("main", 13, {"self.value": "1"}),
    ],
}  # fmt: skip
DEADLOCK: dict[str, Any] = {
    "type": "deadlock",
    "token": "kt1-4a-0b",
    "steps": [
        step("thread 1", 18), step("thread 1", 19, holds=["self._lock"]),
        step("thread 2", 23), step("thread 2", 24, holds=["self._other"], waits="self._lock"),
        step("thread 1", 19, holds=["self._lock"], waits="self._other"),
    ],
    "cycle": [
        {"thread": "thread 1", "waits": "for a lock", "file": "counter.py", "line": 19, "source": "with self._other:",
         "label": "self._other", "holder": "thread 2", "holder_line": 23, "holder_label": "self._other"},
        {"thread": "thread 2", "waits": "for a lock", "file": "counter.py", "line": 24, "source": "with self._lock:",
         "label": "self._lock", "holder": "thread 1", "holder_line": 18, "holder_label": "self._lock"},
    ],
}  # fmt: skip
TASKS: dict[str, Any] = {
    "type": "schedule",
    "token": "kt1-1a-0",
    "steps": [step("main", 7), step("Task-2", 12), step("Task-3", 12), step("Task-2", 15), step("main", 15)],
}
TIMELINE: dict[str, Any] = {
    "seconds": 1.2,
    "requests": [
        {"name": f"GET /{n}", "from": 0.05 * n, "to": 0.05 * n + 0.4, "result": "cut" if n == 3 else "200"}
        for n in range(8)
    ],
    "calls": [
        {"name": f"fetch({n})", "by": f"Thread-{n % 2}", "from": 0.1 * n, "to": 0.1 * n + 0.15} for n in range(6)
    ],
    "processes": [
        {"name": "your program", "from": 0.0, "to": 1.2, "cpu": [[0.1 * n, 0.5 + n % 3 * 0.5] for n in range(1, 12)]},
        {"name": "worker", "from": 0.2, "to": 0.9},
    ],
}
TRIALS: dict[str, Any] = {
    "type": "timing", "ratio": 0.98, "need": 1.54, "effective_cores": 1.9, "cpu": 1.0,
    "trials": [
        {"before": 1.0, "attempt": attempt, "after": 1.0, "cores_before": cores, "cores_after": 1.9, "cpu": 1.0, "workers": 2}
        for attempt, cores in ((1.02, 1.9), (1.05, 1.95), (1.0, 1.8), (0.7, 0.9))
    ],
}  # fmt: skip
LEAK: dict[str, Any] = {
    "type": "leak",
    "left": ["thread worker-1", "thread worker-2", "thread worker-3", "descriptor 7 (part)"],
}
STACKS: dict[str, Any] = {
    "type": "stacks",
    "threads": [
        {"name": "MainThread", "frames": [["counter.py", 19, "swap", "with self._other:"]], "calls": []},
        {"name": "Thread-1", "frames": [["counter.py", 24, "swap_back", "with self._lock:"]], "calls": []},
    ],
    "tasks": [], "children": ["child process 12 (sleeping)"],
    "waits": [{"actor": "MainThread", "what": "for a lock", "file": "counter.py", "line": 19, "source": "", "label": "",
               "holder": "", "holder_line": 0, "holder_label": ""}],
}  # fmt: skip
RAISED: dict[str, Any] = {
    "type": "exception", "exception": "KeyError",
    "frames": [{"file": "counter.py", "line": 13, "function": "add", "source": "value = self.value"}],
}  # fmt: skip


def check(verdict: Verdict = Verdict.PASSED, kind: Kind = Kind.CORRECTNESS, **more: Any) -> CheckResult:
    texts = {"title": "Every addition is counted", "message": "", "advice": ""}
    if verdict is not Verdict.PASSED:
        texts |= {
            "message": "An update was lost.\nthread 2 held no lock.",
            "advice": "What must be one step for others?",
        }
    return CheckResult(
        **{"name": "test_every_addition_counts", "kind": kind, "verdict": verdict, "seconds": 0.25, **texts, **more}
    )


def exercise(checks: Sequence[CheckResult], name: str = "counter") -> ExerciseResult:
    submission = {"path": f"exercises/threads/{name}/{name}.py", "sha256": SHA, "review": []}
    return exercise_result(
        name, "threads", checks, {"correctness": 40, "bounds": 35, "hygiene": 10, "speedup": 15}, submission
    )


def report(*exercises: ExerciseResult) -> Report:
    score, most = sum(e.score for e in exercises), sum(e.max_score for e in exercises)
    return Report("2026-11-22T05:40:00Z", 0, dict(ENVIRONMENT), score, most, exercises)


def failed(evidence: dict[str, Any] | None, verdict: Verdict = Verdict.FAILED, kind: Kind = Kind.SCHEDULES) -> Report:
    """One check that passed, and one that failed with this evidence."""
    return report(exercise([check(), check(verdict, kind, title="No update is lost", evidence=evidence)]))


CASES: dict[str, Report] = {
    "race": failed(RACE),
    "deadlock": failed(DEADLOCK, Verdict.HUNG),
    "leak": failed(LEAK, kind=Kind.HYGIENE),
    "slow": failed({**TRIALS, "timeline": TIMELINE}, kind=Kind.SPEEDUP),
    "passed": report(exercise([check(), check(evidence={"type": "schedule", "explored": 300}), check(kind=Kind.SPEEDUP, evidence=TRIALS)])),
    "tasks": failed(TASKS),
    "timeline": failed({"type": "overlap", "timeline": TIMELINE}, kind=Kind.BOUNDS),
    "hang": failed(STACKS, Verdict.HUNG),
    "exception": failed(RAISED),
    "everything": report(
        exercise([check(Verdict.FAILED, Kind.SCHEDULES, title="No update is lost", evidence=RACE),
                  check(Verdict.HUNG, Kind.SCHEDULES, title="Swaps always end", evidence=DEADLOCK),
                  check(Verdict.FAILED, Kind.SPEEDUP, title="Two cores are faster", evidence={**TRIALS, "timeline": TIMELINE}),
                  check(Verdict.FAILED, Kind.HYGIENE, title="Nothing is left", evidence=LEAK)]),
        exercise([check(Verdict.HUNG, title="It ends", evidence=STACKS), check(Verdict.FAILED, evidence=RAISED)], "other"),
    ),
    "several": report(
        exercise([check()]), exercise([check(Verdict.CRASHED)], "other"), exercise([check(Verdict.NOT_STARTED)], "third"),
        exercise([check(Verdict.INCONCLUSIVE)], "fourth"), exercise([check(Verdict.ERROR)], "fifth"),
    ),
}  # fmt: skip
