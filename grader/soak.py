"""The error rates of the checks: the same submissions many times, on the machine as it is and beside busy processes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.catalog import Exercise
from grader.grading import Grading, Heard, Request
from grader.verdict import Kind, Verdict

WHICH = ("reference", "right", "all")
SPIN = "while True: pass"


@dataclass
class Rates:
    """What `runs` gradings of one exercise's submissions gave. `wrong` lines say which check erred, and how often."""

    exercise: str
    runs: int = 0
    not_passed: int = 0  # gradings of a correct submission that cost it points
    passed: int = 0  # gradings of a wrong submission that cost it nothing
    inconclusive: int = 0  # gradings of either in which a speed-up could not be measured
    wrong: Counter[str] = field(default_factory=Counter)


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """That many processes spin meanwhile, each able to take a core of its own."""
    spinning = [subprocess.Popen([sys.executable, "-S", "-E", "-c", SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def soak(exercise: Exercise, times: int, *, which: str, jobs: int | None, heard: Heard) -> Rates:
    """Grade `times` times: the reference; with "right" every accepted submission too; with "all" also the rejected."""
    good = (exercise.reference, *(exercise.accepted if which != "reference" else ()))
    bad = exercise.rejected if which == "all" else ()
    asked = [Request(exercise, path) for path in (*good, *bad) for _ in range(times)]
    with Grading(jobs=jobs) as grading:
        results = grading.run(asked, heard)
    rates = Rates(exercise.slug, runs=len(asked))
    for request, result in zip(asked, results, strict=True):
        name = f"{request.submission.parent.name}/{request.submission.stem}"
        unmeasured = any(c.verdict is Verdict.INCONCLUSIVE and c.kind is Kind.SPEEDUP for c in result.checks)
        costly = [c for c in result.checks if c.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE)]
        rates.inconclusive += unmeasured
        if request.submission in good and costly:
            rates.not_passed += 1
            rates.wrong.update(f"{name}: {c.name} is {c.verdict}: {c.message.splitlines()[0]}" for c in costly)
        elif request.submission not in good and not costly:
            rates.passed += 1
            rates.wrong.update([f"{name} passes" + (", its speed-up not measured" if unmeasured else "")])
    return rates
