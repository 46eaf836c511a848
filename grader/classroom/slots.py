"""A slot grades one unit after the other, with a judge that stands: no start-up for each submission."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from grader.catalog import Exercise
from grader.classroom.units import Unit, names_of
from grader.grading import Grading, Request, Standing
from grader.verdict import CheckResult, Kind, Verdict

# An error, so it is not remembered.
CHANGED = CheckResult(
    "", "The file stays as it is", Kind.CORRECTNESS, Verdict.ERROR, 0.0,
    "The file was changed between being found and being graded.", "Grade again when nobody writes there any more: --resume.",
)  # fmt: skip
MOST = 200  # submissions for one judge: whatever might pile up in it, or in its cage, goes with it


class Slot:
    """Of one thread. Use as a context manager."""

    def __init__(self, grading: Grading) -> None:
        self._grading = grading
        self._judge: Standing | None = None
        self._judged = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def grade(self, unit: Unit, exercise: Exercise, source: Path) -> list[CheckResult]:
        """The results of the unit's checks. A judge that failed is replaced, once, before the fault is told."""
        asked = Request(exercise, source, names_of(unit, exercise))
        checks = self._checks(asked, unit.sha256)
        if any(check.verdict is Verdict.ERROR for check in checks):
            self._drop()
            checks = self._checks(asked, unit.sha256)
        return checks

    def _checks(self, asked: Request, sha256: str) -> list[CheckResult]:
        judge = self._standing(asked.exercise)
        self._judged += 1
        result = judge.run(asked)
        if result.submission["sha256"] != sha256:
            return [replace(CHANGED, name=name) for name in asked.only]
        # Points are given when the parts are put together.
        return [replace(check, score=0, max_score=0) for check in result.checks]

    def _standing(self, exercise: Exercise) -> Standing:
        judge = self._judge
        if judge is None or judge.exercise != exercise or not judge.is_usable or self._judged >= MOST:
            self._drop()
            self._judge = judge = self._stack.enter_context(self._grading.standing(exercise))
        return judge

    def _drop(self) -> None:
        self._stack.close()
        self._judge, self._judged = None, 0
