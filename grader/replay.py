"""Plays one schedule of one check again, from the token of a report."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from grader.errors import GraderFault, UsageError
from grader.grading import Grading, Request
from grader.verdict import CheckResult, Verdict

TOKEN = re.compile(r"kt1-(\d+)([a-z])-([0-9a-zA-Z_.\-]+)")


@dataclass(frozen=True)
class Played:
    """`ending` says how the schedule ended: the failure, or what the scenario returned."""

    title: str
    steps: list[dict[str, Any]]
    ending: str


def replay(request: Request, token: str, seed: int) -> Played:
    """Raises UsageError for a token that is none of this exercise's."""
    match = TOKEN.fullmatch(token)
    names = request.exercise.check_names
    if match is None or not 1 <= int(match[1]) <= len(names):
        raise UsageError(
            f"{token!r} is no token of {request.exercise.slug}. `grader check {request.exercise.slug}` prints one "
            "with each schedule that fails (kt1-...)."
        )
    name = names[int(match[1]) - 1]
    with Grading(seed=seed, jobs=1, options=["--replay", token]) as grading:
        [result] = grading.run([replace(request, only=(name,))])
    check = next((c for c in result.checks if c.name == name), None)
    if check is None:
        raise GraderFault(f"the judge did not run {name}: {result.checks[-1].message if result.checks else ''}")
    return _played(check, request.exercise.slug)


def _played(check: CheckResult, slug: str) -> Played:
    evidence = check.evidence or {}
    if evidence.get("type") != "replay":
        if check.verdict is Verdict.PASSED:
            raise UsageError(f"{check.name} has no such schedule any more. `grader check {slug}` prints current ones.")
        raise UsageError(f"The schedule could not be played: {check.message}")
    return Played(check.title, evidence["steps"], evidence["ending"])
