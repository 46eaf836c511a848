"""Runs judges over submissions, side by side, and gathers what they say into results. One judge process an exercise."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import platform
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from grader.catalog import Exercise
from grader.errors import GraderFault, UsageError
from grader.judges import Judging, StandingJudge, judge_environment
from grader.measure.cores import usable_cores
from grader.nursery import SUPPORTED, Nursery
from grader.review import review
from grader.sandbox import cage
from grader.sandbox.removal import remove
from grader.verdict import CheckResult, ExerciseResult, Report, exercise_result, timestamp

LARGEST = 256 * 1024  # bytes of a submission
J = TypeVar("J", Judging, StandingJudge)
Heard = Callable[["Request", CheckResult], None]


@dataclass(frozen=True)
class Request:
    """`only`: names of checks; empty for all of them."""

    exercise: Exercise
    submission: Path
    only: tuple[str, ...] = ()


def request(exercise: Exercise, submission: Path | None = None) -> Request:
    """A request to grade that file. Raises UsageError for what is no readable file of a sensible size."""
    path = submission or exercise.stub
    if path.is_dir():
        inside = path / f"{exercise.slug}.py"
        hint = f"Did you mean {inside}?" if inside.exists() else "Name the Python file itself."
        raise UsageError(f"{path} is a folder, not a file. {hint}")
    if not path.exists():
        remedy = "Check the path." if submission else f"`grader reset {exercise.slug}` brings the stub back."
        raise UsageError(f"There is no file {path}. {remedy}")
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file. Name the Python file itself.")
    try:
        size = len(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Check its permissions (ls -l).") from error
    if size > LARGEST:
        raise UsageError(f"{path} has {size:,} bytes; a submission has at most {LARGEST:,}.")
    return Request(exercise, path)


class Grading:
    """A run over many requests. `stop()` ends all judges at once; use as a context manager."""

    def __init__(
        self, *, seed: int = 0, jobs: int | None = None, options: Sequence[str] = (), isolation: str | None = None
    ) -> None:
        """Raises UsageError when this isolation level (None: the best one) cannot be had, GraderFault without a temp folder."""
        self._seed, self._options = seed, options
        try:
            temp = Path(tempfile.gettempdir())
        except OSError as error:
            raise _no_folder(error) from error
        self.isolation = cage.resolve(isolation)
        self._jobs = jobs or usable_cores()
        self._running: set[Judging | StandingJudge] = set()
        self._nursery: Nursery | None = None
        self._lock = threading.Lock()
        # Everything of this run lies in here, also what judges and submissions write. Only named as yet: whoever makes
        # it must be able to remove it, whatever comes in between.
        self._folder = temp / f"grader-{secrets.token_hex(4)}"
        self._stopped = False
        self._numbers = itertools.count()

    def __enter__(self) -> Grading:
        try:
            self._folder.mkdir(mode=0o700)
        except OSError as error:
            raise _no_folder(error) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._nursery is not None:
            self._nursery.close()
        remove(self._folder)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for judging in self._running:
                judging.end()

    def run(self, requests: Sequence[Request], heard: Heard = lambda request, result: None) -> list[ExerciseResult]:
        """The results in the order of the requests. `heard` is called from other threads as each check ends."""
        return [result for result in self.run_until(math.inf, requests, heard) if result is not None]

    def run_until(
        self, end: float, requests: Sequence[Request], heard: Heard = lambda request, result: None
    ) -> list[ExerciseResult | None]:
        """As `run`; None for requests whose turn has not come before `end` (by `time.monotonic`)."""
        if len(requests) > 1 and self._nursery is None and SUPPORTED:
            needs = {need for asked in requests for need in asked.exercise.needs}
            self._nursery = Nursery(sorted(needs), judge_environment())
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                futures = [pool.submit(self._one_until, end, asked, heard) for asked in requests]
                return [future.result() for future in futures]
            except BaseException:
                self.stop()
                raise

    def _one_until(self, end: float, asked: Request, heard: Heard) -> ExerciseResult | None:
        return self._one(asked, heard) if time.monotonic() < end else None

    def _one(self, asked: Request, heard: Heard) -> ExerciseResult:
        folder = self._new_folder()
        # A copy: the student may save again while the checks run.
        copy = folder / asked.submission.name
        shutil.copyfile(asked.submission, copy)
        wanted = ["-k", " or ".join(asked.only)] if asked.only else []
        with self._begun(
            lambda: Judging(
                asked.exercise,
                folder,
                copy,
                seed=self._seed,
                isolation=self.isolation,
                options=[*self._options, *wanted],
                nursery=self._nursery,
            )
        ) as judging:
            return result_of(asked, copy, judging.finish(lambda check: heard(asked, check)))

    def _new_folder(self) -> Path:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder

    @contextlib.contextmanager
    def _begun(self, begin: Callable[[], J]) -> Iterator[J]:
        """A judge that `stop` ends, too."""
        with self._lock:
            if self._stopped:
                raise GraderFault("This run was stopped.")
            judge = begin()
            self._running.add(judge)
        try:
            yield judge
        finally:
            with self._lock:
                self._running.discard(judge)

    @contextlib.contextmanager
    def standing(self, exercise: Exercise, options: Sequence[str] = ()) -> Iterator[Standing]:
        """A judge that has everything but submissions, and takes them one after the other. Closed at the end."""
        folder = self._new_folder()
        with self._begun(
            lambda: StandingJudge(
                exercise, folder, seed=self._seed, isolation=self.isolation, options=[*self._options, *options]
            )
        ) as judge:
            try:
                yield Standing(exercise, judge, folder)
            finally:
                judge.close()
                remove(folder)


class Standing:
    """What `Grading.standing` gives."""

    def __init__(self, exercise: Exercise, judge: StandingJudge, folder: Path) -> None:
        self.exercise = exercise
        self._judge, self._folder = judge, folder
        self._seen = _seen(exercise)
        self._numbers = itertools.count()

    @property
    def is_usable(self) -> bool:
        """Does it still stand, with the checks and given files that are on the disk now?"""
        return not self._judge.has_ended() and self._seen == _seen(self.exercise)

    def run(self, asked: Request, heard: Heard = lambda request, result: None) -> ExerciseResult:
        """Raises OSError when the submission cannot be copied. Ends with verdict `error` if `end` comes meanwhile."""
        folder = self._folder / f"submission-{next(self._numbers)}"
        folder.mkdir()
        copy = folder / asked.submission.name
        shutil.copyfile(asked.submission, copy)
        result = result_of(asked, copy, self._judge.judge(copy, lambda check: heard(asked, check), asked.only))
        remove(folder)
        return result

    def end(self) -> None:
        """Kill the judge. From any thread, at any time."""
        self._judge.end()


def result_of(asked: Request, copy: Path, checks: Sequence[CheckResult]) -> ExerciseResult:
    """From the results of the checks to that of the exercise. `copy` is what was judged."""
    source = copy.read_bytes()
    exercise = asked.exercise
    submission = {
        "path": _short(asked.submission, exercise.root),
        "sha256": hashlib.sha256(source).hexdigest(),
        "review": review(source),
    }
    return exercise_result(exercise.slug, exercise.track, checks, exercise.points, submission)


def _seen(exercise: Exercise) -> list[tuple[int, int]]:
    """What tells one state of the checks and the given files from another: times of change (ns) and sizes (bytes)."""
    return [(f.stat().st_mtime_ns, f.stat().st_size) if f.exists() else (0, 0) for f in exercise.judged_with]


def report(results: Sequence[ExerciseResult], seed: int, isolation: str, differences: Sequence[str] = ()) -> Report:
    """`differences`: files that are not those of the release (`manifest.differences`)."""
    created = timestamp(datetime.now(UTC))
    score, most = sum(r.score for r in results), sum(r.max_score for r in results)
    return Report(created, seed, environment(results, isolation, differences), score, most, tuple(results))


def environment(results: Sequence[ExerciseResult], isolation: str, differences: Sequence[str] = ()) -> dict[str, Any]:
    """Where it was judged, as in reports."""
    return {
        "python": platform.python_version(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "platform": f"{sys.platform}-{platform.machine().lower()}",
        "cores": usable_cores(),
        "effective_cores": _effective_cores(results),
        "isolation": isolation,
        "differences": list(differences),
    }


def _effective_cores(results: Sequence[ExerciseResult]) -> float | None:
    measured = [
        check.evidence["effective_cores"]
        for result in results
        for check in result.checks
        if check.evidence and "effective_cores" in check.evidence
    ]
    return min(measured) if measured else None


def _no_folder(error: OSError) -> GraderFault:
    return GraderFault(
        f"No folder for temporary files can be made: {error.strerror or error}. "
        "Free some disk space, or set TMPDIR to a folder that you can write to, and run the command again."
    )


def _short(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else path.name
