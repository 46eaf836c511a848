"""What a regrade gives, as plain data: people, what they handed in, what came of it, and what a person should look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.verdict import ExerciseResult


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
