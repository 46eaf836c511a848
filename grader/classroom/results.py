"""What a regrade gives, as plain data: people, what they handed in, what came of it, and what a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.verdict import ExerciseResult, Verdict

WORTH = 100  # points of an exercise, for everybody


@dataclass(frozen=True)
class Person:
    """`identifier` is what their folder, repository or file is called; the rest comes from the roster, "" if it does not say."""

    identifier: str
    name: str = ""
    email: str = ""
    student_id: str = ""
    sis_id: str = ""
    sis_login: str = ""
    section: str = ""

    @property
    def shown(self) -> str:
        return self.name or self.identifier


@dataclass(frozen=True)
class HandedIn:
    """One file of one person. `repository` is the folder that holds `exercises/`, if it came in one."""

    person: Person
    slug: str
    path: Path
    repository: Path | None = None


@dataclass(frozen=True)
class Flag:
    """Something that a person should look at; it never changes a score.

    `kind`: "changed files", "claimed score", "looks at the grader", "not on the roster", "unreadable".
    """

    kind: str
    exercise: str  # "" if it is not about one
    text: str


@dataclass(frozen=True)
class Graded:
    """One person's results, in the order of the catalogue; exercises that were not handed in are missing."""

    person: Person
    results: tuple[ExerciseResult, ...] = ()
    flags: tuple[Flag, ...] = ()

    @property
    def score(self) -> int:
        return sum(result.score for result in self.results)


@dataclass(frozen=True)
class ClassResults:
    """The whole class. `exercises`: the slugs that count, each 100 points; what somebody did not hand in counts 0."""

    created: str  # UTC, ISO 8601
    seed: int
    environment: dict[str, Any]
    exercises: tuple[str, ...]
    people: tuple[Graded, ...] = ()
    notes: tuple[str, ...] = field(default=())  # about the whole run: what could not be read, a lower isolation


@dataclass(frozen=True)
class Marks:
    """One person's points as gradebooks need them; see `marks`.

    `by_exercise`: in the order of the exercises; None where there is nothing to give. `total` is their sum, `maximum` what
    could be had of them. `full` is what everybody's `maximum` would be if everything could be measured.
    """

    by_exercise: tuple[int | None, ...]
    total: int
    maximum: int
    full: int
    faults: tuple[str, ...]  # exercises where the grader itself failed

    @property
    def out_of_full(self) -> int | None:
        """The total for a column with one maximum for all. None if no score is to be given: a fault of ours, or nothing measured."""
        return None if self.faults or not self.maximum else half_up(self.total * self.full, self.maximum)

    @property
    def share(self) -> float | None:
        """0 to 1, of what could be measured."""
        return self.total / self.maximum if self.maximum else None


def marks(graded: Graded, exercises: Sequence[str]) -> Marks:
    """The one place where scores become marks.

    - Each exercise is worth 100. What could not be measured in it has left its total, so that there may be 51 of 85 points:
      that becomes 60 of 100, rounded half up. The parts are rounded before they are added, so a row of a gradebook adds up.
    - What was not handed in is 0.
    - An exercise of which nothing could be measured has no mark and leaves the person's maximum. Where a column has one
      maximum for all, the total of the others is scaled up to it, rounded half up.
    - Where the grader itself failed there is no mark either: what else was measured may not be worth what it seems. The
      exercise leaves the maximum, and a column for all stays empty for this person until it has been graded again.
    """
    found = {result.name: result for result in graded.results}
    by_exercise = tuple(_mark(found.get(slug)) for slug in exercises)
    given = [mark for mark in by_exercise if mark is not None]
    faults = tuple(slug for slug in exercises if slug in found and found[slug].verdict is Verdict.ERROR)
    return Marks(by_exercise, sum(given), WORTH * len(given), WORTH * len(exercises), faults)


def _mark(result: ExerciseResult | None) -> int | None:
    if result is None:
        return 0
    if result.verdict is Verdict.ERROR or not result.max_score:
        return None
    return half_up(result.score * WORTH, result.max_score)


def half_up(number: int, divisor: int) -> int:
    """The nearest whole number to the quotient of two that are not negative. `round` would make 0.5 to 0 and 1.5 to 2."""
    return (2 * number + divisor) // (2 * divisor)
