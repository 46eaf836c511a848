"""A report as marks for a gradebook: whole numbers whose sums are right, out of a maximum that is always the same.

An exercise is worth 100 points on every platform. What could not be measured costs nothing: the others share its points out
in proportion. An exercise of which nothing could be measured leaves the total; then the maximum is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.catalog import Exercise
from grader.sandbox import cage
from grader.text import visible
from grader.verdict import CheckResult, ExerciseResult, Kind, Report, Verdict, exercise_result

FULL = 100  # points of an exercise
LONGEST = 4_000  # characters of a text; platforms have limits, and people, too
NOT_THERE = "submission"  # the check that stands for a file that was not handed in
BAD = (Verdict.FAILED, Verdict.HUNG, Verdict.CRASHED, Verdict.NOT_STARTED)


@dataclass(frozen=True)
class Mark:
    """One check. `text` is harmless for terminals; HTML and Markdown are still to be escaped."""

    exercise: str
    check: str
    title: str
    verdict: Verdict
    score: int
    max_score: int
    milliseconds: int
    text: str
    path: str
    line: int

    @property
    def name(self) -> str:
        """As lists of tests show it."""
        return f"{self.exercise}: {self.title}"

    @property
    def is_fine(self) -> bool:
        """It costs nothing, and asks for nobody."""
        return self.verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Marks:
    """`is_final` is False where the grader itself failed: then nobody is to be given this score. `warning`: see `cage.warning`."""

    score: int
    max_score: int
    marks: tuple[Mark, ...]
    is_final: bool
    warning: str = ""

    @property
    def faults(self) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.marks if mark.verdict is Verdict.ERROR)

    @property
    def why_not_final(self) -> str:
        """What the grader could not do, for a run without a score."""
        return "\n".join(f"{mark.exercise}: {mark.text}" for mark in self.faults) or "Nothing could be measured here."

    @property
    def telling(self) -> tuple[Mark, ...]:
        """Those with a text that helps: of an exercise that is not started, nobody needs to hear the same of each check."""
        started = {
            mark.exercise for mark in self.marks if mark.verdict not in (Verdict.NOT_STARTED, Verdict.INCONCLUSIVE)
        }
        begun = [
            m for m in self.marks if m.exercise in started or m.check == NOT_THERE or m.verdict is Verdict.INCONCLUSIVE
        ]
        return tuple(mark for mark in begun if mark.text)

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.score / self.max_score if self.max_score else 0.0


def marks(report: Report) -> Marks:
    found = tuple(mark for exercise in report.exercises for mark in _of_exercise(exercise))
    most = sum(mark.max_score for mark in found)
    is_final = most > 0 and all(exercise.verdict is not Verdict.ERROR for exercise in report.exercises)
    warning = cage.warning(report.environment["isolation"])
    return Marks(sum(mark.score for mark in found), most, found, is_final, warning)


def without_checks(exercise: Exercise, verdict: Verdict, message: str) -> ExerciseResult:
    """For what no check was run on; the message says why."""
    check = CheckResult(NOT_THERE, f"{exercise.stub.name} is there", Kind.CORRECTNESS, verdict, 0.0, message)
    submission = {"path": exercise.stub.relative_to(exercise.root).as_posix(), "sha256": "", "review": []}
    return exercise_result(exercise.slug, exercise.track, [check], {"correctness": FULL}, submission)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts in proportion to the weights, which add up exactly; the largest remainders get what is over."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in rest[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _of_exercise(exercise: ExerciseResult) -> list[Mark]:
    worth = apportion(FULL, [check.max_score for check in exercise.checks])
    earned = [points if check.score else 0 for points, check in zip(worth, exercise.checks, strict=True)]
    before_caps = sum(check.score for check in exercise.checks)
    if exercise.score < before_caps:  # a cap, or a speed-up that does not count: spread over what was earned
        capped = FULL * exercise.score // exercise.max_score
        earned = apportion(min(capped, sum(earned)), earned)
    return [
        Mark(
            exercise.name, check.name, visible(check.title, one_line=True), check.verdict, score, most,
            round(check.seconds * 1000), _text(check, exercise, score < most), _path(check, exercise), _line(check, exercise),
        )
        for check, score, most in zip(exercise.checks, earned, worth, strict=True)
    ]  # fmt: skip


def _text(check: CheckResult, exercise: ExerciseResult, is_capped: bool) -> str:
    """What happened, and what to think about; nothing for what passed, but for the reason of a cap."""
    if check.verdict is Verdict.PASSED:
        share = f"{FULL * exercise.score // exercise.max_score} of {FULL}" if is_capped else ""
        return f"It passed; other checks limit the points of {exercise.name} to {share}." if is_capped else ""
    parts = [check.message, f"Think: {check.advice}" if check.advice and check.verdict is not Verdict.ERROR else ""]
    if check.verdict is Verdict.INCONCLUSIVE:
        parts.append("This could not be measured here, and costs no points.")
    if check.verdict is Verdict.ERROR:
        parts.append("This is a fault of the grader, not of the submission.")
    token = (check.evidence or {}).get("token")
    if token and check.kind is Kind.SCHEDULES:
        parts.append(f"See it: grader replay {exercise.name} {token}")
    text = visible(
        "\n".join(part for part in parts if part)[: LONGEST + 1]
    )  # cut first: escapes make it longer, and take time
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n..."


def _path(check: CheckResult, exercise: ExerciseResult) -> str:
    """The student's file, from the root of their repository; a check names it without its folder."""
    name = PurePosixPath(check.file or f"{exercise.name}.py").name
    return visible(f"exercises/{exercise.track}/{exercise.name}/{name}", one_line=True)


def _line(check: CheckResult, exercise: ExerciseResult) -> int:
    """Where it went wrong in the student's file, from 1: as the check says, or the last step of its schedule."""
    steps = (check.evidence or {}).get("steps")
    lines = [step.get("line") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    return check.line or next((line for line in reversed(lines) if type(line) is int and line > 0), 1)
