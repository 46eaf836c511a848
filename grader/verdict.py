"""Verdicts, check results and reports, and their versioned JSON. Imports nothing of ours."""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

SCHEMA = "grader/report/v1"


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    HUNG = "hung"
    CRASHED = "crashed"
    NOT_STARTED = "not_started"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"

    @property
    def words(self) -> str:
        """As people read it."""
        return self.replace("_", " ")


class Kind(StrEnum):
    CORRECTNESS = "correctness"
    FAILURE = "failure"
    BOUNDS = "bounds"
    SCHEDULES = "schedules"
    HYGIENE = "hygiene"
    SPEEDUP = "speedup"
    RULE = "rule"
    TESTS = "tests"


# The names that `[points]` in exercise.toml may use, and the kinds of checks that each of them pays for.
POINT_GROUPS: Mapping[str, tuple[Kind, ...]] = {
    "correctness": (Kind.CORRECTNESS, Kind.FAILURE),
    "bounds": (Kind.BOUNDS, Kind.SCHEDULES, Kind.RULE),
    "hygiene": (Kind.HYGIENE,),
    "speedup": (Kind.SPEEDUP,),
    "tests": (Kind.TESTS,),
}

NOT_MEASURED = "Not measured, because a check before this one did not pass."
RACE_CAP = 50  # percent of an exercise's points that a racy, deadlocking or hanging submission can reach
LEAK_CAP = 80  # percent for one that leaks


@dataclass(frozen=True)
class CheckResult:
    name: str
    title: str
    kind: Kind
    verdict: Verdict
    seconds: float
    message: str = ""
    advice: str = ""
    file: str | None = None
    line: int | None = None
    evidence: dict[str, Any] | None = None
    score: int = 0
    max_score: int = 0


@dataclass(frozen=True)
class ExerciseResult:
    name: str
    track: str
    verdict: Verdict
    score: int
    max_score: int
    seconds: float
    submission: dict[str, Any]
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Report:
    created: str  # UTC, ISO 8601
    seed: int
    environment: dict[str, Any]
    score: int
    max_score: int
    exercises: tuple[ExerciseResult, ...] = field(default=())
    schema: str = SCHEMA


def spread(points: int, count: int) -> list[int]:
    """`points` in `count` whole parts that differ by at most one and add up exactly."""
    return [points * (i + 1) // count - points * i // count for i in range(count)]


def scored(checks: Iterable[CheckResult], points: Mapping[str, int]) -> tuple[CheckResult, ...]:
    """The checks with their share of the points. Inconclusive and error leave the total: their max_score is 0."""
    checks = list(checks)
    result: dict[int, CheckResult] = {}
    for group, kinds in POINT_GROUPS.items():
        members = [i for i, check in enumerate(checks) if check.kind in kinds]
        for i, share in zip(members, spread(points.get(group, 0), len(members)) if members else [], strict=True):
            check = checks[i]
            counts = check.verdict not in (Verdict.INCONCLUSIVE, Verdict.ERROR)
            result[i] = replace(
                check, max_score=share if counts else 0, score=share if check.verdict is Verdict.PASSED else 0
            )
    return tuple(result.get(i, check) for i, check in enumerate(checks))


def verdict_of(checks: Iterable[CheckResult]) -> Verdict:
    """One verdict for an exercise: our own fault first, then the first check that did not pass."""
    verdicts = [check.verdict for check in checks]
    if not verdicts or Verdict.ERROR in verdicts:
        return Verdict.ERROR
    if Verdict.PASSED not in verdicts and Verdict.NOT_STARTED in verdicts:
        return Verdict.NOT_STARTED
    for verdict in verdicts:
        if verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE, Verdict.NOT_STARTED):
            return verdict
    if Verdict.NOT_STARTED in verdicts:
        return Verdict.FAILED
    # A speed-up that could not be measured here leaves the rest as it is; nothing measured at all is inconclusive.
    return Verdict.PASSED if Verdict.PASSED in verdicts else Verdict.INCONCLUSIVE


def exercise_result(
    name: str, track: str, checks: Iterable[CheckResult], points: Mapping[str, int], submission: dict[str, Any]
) -> ExerciseResult:
    """Score, cap and sum up one exercise. A race, deadlock or hang is not "partly right"."""
    marked = scored(checks, points)
    score, most = sum(c.score for c in marked), sum(c.max_score for c in marked)
    answers = [c.verdict for c in marked if c.kind in POINT_GROUPS["correctness"]]
    if any(v not in (Verdict.PASSED, Verdict.INCONCLUSIVE, Verdict.ERROR) for v in answers):
        score -= sum(c.score for c in marked if c.kind is Kind.SPEEDUP)  # fast but wrong earns nothing
    bad = [c for c in marked if c.verdict in (Verdict.FAILED, Verdict.HUNG, Verdict.CRASHED)]
    if any(c.verdict is Verdict.HUNG or c.kind is Kind.SCHEDULES for c in bad):
        score = min(score, most * RACE_CAP // 100)
    if any(c.kind is Kind.HYGIENE for c in bad):
        score = min(score, most * LEAK_CAP // 100)
    seconds = round(sum(c.seconds for c in marked), 3)
    return ExerciseResult(name, track, verdict_of(marked), score, most, seconds, submission, marked)


def to_json(report: Report) -> str:
    data = asdict(report)
    for exercise in data["exercises"]:
        for check in exercise["checks"]:
            for key in ("file", "line", "evidence"):
                if check[key] is None:
                    del check[key]
    ordered = _strict({"schema": data.pop("schema"), **data})
    text = json.dumps(ordered, indent=1, ensure_ascii=True, allow_nan=False)
    return text.replace("##", "#\\u0023") + "\n"  # the same text; but CI systems obey `##[...]` in what is printed


def from_json(text: str) -> Report:
    """The report that `to_json` wrote. Raises ValueError for anything else."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise ValueError(f"the schema is {data['schema']!r}, not {SCHEMA!r}")
        return Report(**{**data, "exercises": tuple(_exercise_from(entry) for entry in data["exercises"])})
    except (LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"no report of the form {SCHEMA}: {error}") from error


def timestamp(moment: datetime) -> str:
    """In UTC, as reports have it: 2026-06-01T14:32:01Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_from(data: Mapping[str, Any]) -> CheckResult:
    """From what `asdict` made of it. Raises TypeError, ValueError or LookupError for anything else."""
    return CheckResult(**{**data, "kind": Kind(data["kind"]), "verdict": Verdict(data["verdict"])})


def _exercise_from(data: dict[str, Any]) -> ExerciseResult:
    checks = tuple(check_from(check) for check in data["checks"])
    return ExerciseResult(**{**data, "verdict": Verdict(data["verdict"]), "checks": checks})


def _strict(value: Any) -> Any:
    """Without what JSON has not (NaN, infinities) and what other readers of JSON refuse (halves of surrogate pairs)."""
    if isinstance(value, dict):
        return {_strict(str(key)): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_atomically(path: Path, text: str) -> None:
    """Write beside the target and rename, so that nobody ever reads half a report. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # /dev/stdout, /dev/null, a pipe: nothing that could be replaced
        path.write_text(text, encoding="utf-8")
        return
    # The name comes first: a signal between making the file and knowing its name would leave it behind.
    part = path.with_name(f"{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
