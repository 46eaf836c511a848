"""What is graded once, however many people handed in the same: an exercise, a source, and one of two parts of its checks."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from grader.catalog import Exercise
from grader.measure.cores import usable_cores
from grader.verdict import NOT_MEASURED, CheckResult, Kind, Verdict, check_from

NOT_RIGHT = (NOT_MEASURED, "First right, then fast.")
ENGINE = Path(__file__).resolve().parent.parent
# What verdicts depend on; the rest shows them, or has nothing to do with them.
JUDGING = (
    "catalog",
    "explore",
    "grading",
    "judge",
    "judges",
    "measure",
    "review",
    "sandbox",
    "services",
    "text",
    "timeline",
    "verdict",
)


@dataclass(frozen=True)
class Unit:
    """`timed`: the checks that need the machine to themselves; else all others."""

    slug: str
    sha256: str
    timed: bool


@dataclass(frozen=True)
class Place:
    """Where a unit was graded: on a machine of that class, at that isolation level."""

    machine: str
    isolation: str


@dataclass(frozen=True)
class Context:
    """Everything besides the source that a verdict depends on: of what is judged where.

    `elsewhere`: other machines grade, too; what they found, at the level that was asked for, counts as well.
    """

    seed: int
    isolation: str
    grader: str  # a hash of the engine
    machine: str
    elsewhere: bool = False

    @property
    def place(self) -> Place:
        return Place(self.machine, self.isolation)

    def at(self, place: Place) -> Context:
        return replace(self, machine=place.machine, isolation=place.isolation)

    def counts(self, place: Place) -> bool:
        return place == self.place or (self.elsewhere and self.isolation in ("auto", place.isolation))

    def key(self, unit: Unit, exercise: Exercise) -> str:
        """Equal keys, equal verdicts. Timing depends on the machine, too."""
        return self.key_with(unit, checks_hash(exercise))

    def key_with(self, unit: Unit, checks: str) -> str:
        """`checks`: the hash of what the unit was, or would be, judged with."""
        parts = [unit.slug, unit.sha256, str(unit.timed), str(self.seed), self.isolation, self.grader, checks]
        return hash_of([*parts, self.machine] if unit.timed else parts)


def context(seed: int, isolation: str) -> Context:
    return Context(seed, isolation, engine_hash(), machine_class())


def engine_hash() -> str:
    files = sorted(p for p in ENGINE.rglob("*.py") if p.relative_to(ENGINE).parts[0].removesuffix(".py") in JUDGING)
    return hash_of([platform.python_version(), *map(_content, files)])


def machine_class() -> str:
    """What makes two machines measure alike: the processor, how many cores may be used, and which machine it is."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass  # not Linux
    return f"{platform.node()}, {platform.machine()}, {model}, {usable_cores()} cores"


def checks_hash(exercise: Exercise) -> str:
    return hash_of(map(_content, exercise.judged_with))


def hash_of(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def units_of(exercise: Exercise, sha256: str) -> list[Unit]:
    """The parts that this exercise has."""
    timed = {check.kind is Kind.SPEEDUP for check in exercise.checks}
    return [Unit(exercise.slug, sha256, part) for part in sorted(timed)]


def names_of(unit: Unit, exercise: Exercise) -> tuple[str, ...]:
    return tuple(check.name for check in exercise.checks if (check.kind is Kind.SPEEDUP) == unit.timed)


def is_right(checks: Sequence[CheckResult]) -> bool:
    """May its speed-up be measured? As in the judge: only if nothing before it went wrong."""
    return all(check.verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE) for check in checks)


def not_measured(exercise: Exercise) -> list[CheckResult]:
    """What the judge says of the speed-ups of a submission that is not right."""
    timed = [check for check in exercise.checks if check.kind is Kind.SPEEDUP]
    return [CheckResult(c.name, c.title, c.kind, Verdict.FAILED, 0.0, *NOT_RIGHT) for c in timed]


def is_lasting(checks: Sequence[CheckResult]) -> bool:
    """Is this worth remembering? Our own faults and what could not be measured are tried again."""
    return not any(check.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE) for check in checks)


def as_data(checks: Sequence[CheckResult]) -> list[dict[str, Any]]:
    return [asdict(check) for check in checks]


def from_data(data: Sequence[dict[str, Any]]) -> list[CheckResult]:
    """Raises TypeError, ValueError or KeyError for what is no list of results."""
    return [check_from(one) for one in data]


def line_of(key: str, unit: Unit, checks: Sequence[CheckResult], place: Place) -> str:
    return json.dumps({"key": key, "unit": asdict(unit), "place": asdict(place), "checks": as_data(checks)})
