"""Grades what somebody handed in to a platform: finds the files, and gives an answer for every exercise, whatever is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from grader import grading, manifest
from grader.catalog import Catalog, Exercise
from grader.classroom.marks import without_checks
from grader.errors import UsageError
from grader.judges import STOPPED
from grader.verdict import CheckResult, ExerciseResult, Report, Verdict, exercise_result

GRACE = 20.0  # seconds before the end of the time in which what still runs is ended and told
UNTRIED = (
    "It was not tried: the time of this run was over, and checks before it had hung.",
    "What hangs there may hang here, too.",
)
NOT_LOOKED_AT = (".venv", ".git", "grader", "tests", "node_modules")


def grade(
    catalog: Catalog,
    exercises: Sequence[Exercise],
    folder: Path,
    *,
    minutes: float,
    jobs: int | None = None,
    isolation: str | None = None,
    seed: int = 0,
) -> Report:
    """A report on the files in `folder`, in the order of the exercises.

    What does not end in time is hung where checks of it have hung before, and else a fault of ours; the rest stands.
    """
    results: dict[str, ExerciseResult] = {}
    requests: list[grading.Request] = []
    for exercise in exercises:
        path = find(exercise, folder)
        if path is None:
            text = f"No file {exercise.stub.name} was handed in."
            results[exercise.slug] = without_checks(exercise, Verdict.NOT_STARTED, text)
            continue
        try:
            requests.append(grading.request(exercise, path))
        except UsageError as error:
            text = str(error).replace(str(path), path.name)
            results[exercise.slug] = without_checks(exercise, Verdict.FAILED, text)
    end = time.monotonic() + 60 * minutes
    with grading.Grading(seed=seed, jobs=jobs, isolation=isolation) as run:
        alarm = threading.Timer(max(0.0, end - GRACE - time.monotonic()), run.stop)
        alarm.daemon = True
        alarm.start()
        found = run.run_until(end - GRACE - 1.0, requests)
        alarm.cancel()
        for asked, result in zip(requests, found, strict=True):
            late = f"It was not graded: the {minutes:g} minutes of this run were over."
            told = result or without_checks(asked.exercise, Verdict.ERROR, late)
            results[asked.exercise.slug] = _with_untried(asked.exercise, told)
        level = run.isolation
    return grading.report([results[e.slug] for e in exercises], seed, level, manifest.differences(catalog))


def find(exercise: Exercise, folder: Path) -> Path | None:
    """The file for this exercise: in its place in a repository, or by its name anywhere. Links that lead out of the folder do not count."""
    root = folder.resolve()
    name = exercise.stub.name
    for path in (folder / exercise.stub.relative_to(exercise.root), folder / name, *_anywhere(folder, name)):
        if path.is_file() and root in path.resolve().parents:
            return path
    return None


def _anywhere(folder: Path, name: str) -> list[Path]:
    """Sorted, the nearest to the root first."""
    found = [p for p in folder.rglob(name) if not set(NOT_LOOKED_AT).intersection(p.relative_to(folder).parts)]
    return sorted(found, key=lambda path: (len(path.parts), path))


def _with_untried(exercise: Exercise, result: ExerciseResult) -> ExerciseResult:
    """If its judge was stopped after checks that hung, these took the time: the rest counts as hung, and nothing as a fault of ours.

    Else the same submission would be a fault on every run, and take the marks of all others along.
    """
    checks = [check for check in result.checks if check.message != STOPPED]
    if len(checks) == len(result.checks) or all(check.verdict is not Verdict.HUNG for check in checks):
        return result
    done = {check.name for check in checks}
    untried = [check for check in exercise.checks if check.name not in done]
    checks += [CheckResult(c.name, c.title, c.kind, Verdict.HUNG, 0.0, *UNTRIED) for c in untried]
    return exercise_result(exercise.slug, exercise.track, checks, exercise.points, result.submission)
