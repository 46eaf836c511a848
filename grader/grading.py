"""Runs judges over submissions, side by side, and gathers what they say into results. One judge process an exercise."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.catalog import Exercise
from grader.errors import GraderFault, UsageError
from grader.measure import timing_lock
from grader.measure.cores import usable_cores
from grader.nursery import SUPPORTED, Forked, Nursery
from grader.review import review
from grader.sandbox import cage, warm
from grader.sandbox.processes import end_all, end_group, mentioning
from grader.sandbox.removal import remove
from grader.sandbox.session import shared_memory_of
from grader.verdict import CheckResult, ExerciseResult, Kind, Report, Verdict, exercise_result

LARGEST = 256 * 1024  # bytes of a submission
STOPPED = -1
PATIENCE = 3.0  # seconds for the processes of a killed judge to end by themselves
LONGEST = 1800.0  # seconds for one judge; every check in it has its own, much shorter deadline
HIDDEN = ("CI", "PYTEST_ADDOPTS", "PYTHONPATH", "PYTEST_PLUGINS")  # would change how the judge's pytest behaves
PYTEST = (sys.executable, "-P", "-m", "pytest")
Judge = subprocess.Popen[bytes] | Forked
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
        self._running: set[Judge] = set()
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
            for judge in self._running:
                if judge.poll() is None:
                    end_group(judge.pid)  # its warm parent sees the pipe close and ends every submission

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
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        # A copy: the student may save again while the checks run.
        copy = folder / asked.submission.name
        shutil.copyfile(asked.submission, copy)
        results, output = folder / "results.jsonl", folder / "output.txt"
        results.touch()
        began = time.monotonic()
        code = self._judge(asked, copy, results, output, lambda check: heard(asked, check))
        checks, whole = _checks(results)
        if code not in (0, 1) or not checks or not whole:
            seconds = round(time.monotonic() - began, 3)
            happened = _ending(code) if code not in (0, 1) or whole else "The judge could not write down all results."
            checks.append(_own_fault(f"{happened} {_last_words(output)}".strip(), seconds))
        source = copy.read_bytes()
        exercise = asked.exercise
        submission = {
            "path": _short(asked.submission, exercise.root),
            "sha256": hashlib.sha256(source).hexdigest(),
            "review": review(source.decode("utf-8", errors="replace")),
        }
        return exercise_result(exercise.slug, exercise.track, checks, exercise.points, submission)

    def _judge(
        self, asked: Request, copy: Path, results: Path, output: Path, heard: Callable[[CheckResult], None]
    ) -> int:
        """The judge's exit code; nothing of it is left when this returns."""
        exercise = asked.exercise
        run = f"{self._folder.name}/{results.parent.name}/"  # stands in the command line or environment of all its processes
        command = [*judge_command(exercise, copy, self._seed), "--results", str(results), *self._options]
        if asked.only:
            command += ["-k", " or ".join(asked.only)]
        places = {"TMPDIR": str(results.parent), timing_lock.PLACE: str(self._folder.parent), warm.RUN: run}
        environment = {**judge_environment(), cage.VARIABLE: self.isolation, **places}
        with self._lock:
            if self._stopped:
                return STOPPED
            judge = self._start(command, environment, exercise.root, output)
            self._running.add(judge)
        listener = threading.Thread(target=_follow, args=(judge, results, heard), daemon=True)
        listener.start()
        try:
            code = judge.wait(LONGEST)
        except subprocess.TimeoutExpired:
            end_group(judge.pid)
            code = judge.wait()
        with self._lock:
            self._running.discard(judge)
        if code < 0:
            _end_rest(run)
        listener.join()
        return code

    def _start(self, command: list[str], environment: dict[str, str], folder: Path, output: Path) -> Judge:
        """Forked from the nursery if there is one, else from a cold Python."""
        if self._nursery is not None:
            with contextlib.suppress(OSError):  # it was killed, by whomever: the others start cold
                return self._nursery.fork(command[len(PYTEST) :], environment, folder, output)
        with open(output, "wb") as out:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, start_new_session=True,
                env=environment,
            )  # fmt: skip


def _end_rest(run: str) -> None:
    """End what a judge that was killed has left."""
    end = time.monotonic() + PATIENCE
    while mentioning(run) and time.monotonic() < end:
        time.sleep(0.02)  # its warm parent sees the judge gone, and knows best what belongs to it
    end_all(lambda: mentioning(run))
    for path in Path("/dev/shm").glob(f"*{shared_memory_of(run)[1:]}*"):
        remove(path)


def judge_command(exercise: Exercise, submission: Path, seed: int) -> list[str]:
    """pytest as the judge: our ini and no other, no conftest, nothing imported from the current folder."""
    ini = Path(__file__).parent / "judge" / "judge.ini"
    return [
        *PYTEST, "-q", "-p", "grader.judge.plugin", "--noconftest", "-c", str(ini),
        "--rootdir", str(exercise.root), str(exercise.tests), "--submission", str(submission), "--seed", str(seed),
    ]  # fmt: skip


def judge_environment() -> dict[str, str]:
    """The caller's environment; no pytest plugin but ours, whatever is installed."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def report(results: Sequence[ExerciseResult], seed: int, isolation: str, differences: Sequence[str] = ()) -> Report:
    """`differences`: files that are not those of the release (`manifest.differences`)."""
    environment: dict[str, Any] = {
        "python": platform.python_version(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "platform": f"{sys.platform}-{platform.machine().lower()}",
        "cores": usable_cores(),
        "effective_cores": _effective_cores(results),
        "isolation": isolation,
        "differences": list(differences),
    }
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    score, most = sum(r.score for r in results), sum(r.max_score for r in results)
    return Report(created, seed, environment, score, most, tuple(results))


def _effective_cores(results: Sequence[ExerciseResult]) -> float | None:
    measured = [
        check.evidence["effective_cores"]
        for result in results
        for check in result.checks
        if check.evidence and "effective_cores" in check.evidence
    ]
    return min(measured) if measured else None


def _follow(judge: Judge, results: Path, heard: Callable[[CheckResult], None]) -> None:
    with open(results, encoding="utf-8") as file, contextlib.suppress(ValueError, LookupError, TypeError):
        part = ""
        while True:
            ended = judge.poll() is not None
            part += file.read()
            *lines, part = part.split("\n")
            for line in lines:
                heard(_check(line))  # half a line, from a full disk, is told when the results are read
            if ended:
                return
            time.sleep(0.05)


def _checks(results: Path) -> tuple[list[CheckResult], bool]:
    """The results that the judge wrote down, and whether all of its file is readable."""
    checks: list[CheckResult] = []
    try:
        for line in results.read_text(encoding="utf-8").splitlines():
            checks.append(_check(line))
    except (OSError, ValueError, LookupError, TypeError):
        return checks, False
    return checks, True


def _ending(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"The judge process was killed ({name}) before its end."
    return f"The judge ended with {code}."


def _last_words(output: Path) -> str:
    """What the judge's pytest says about errors of its own, such as a check file that cannot be imported."""
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    errors = [line.removeprefix("E").strip() for line in lines if line.startswith(("E  ", "INTERNALERROR> "))]
    files = [line.strip(" _") for line in lines if line.startswith("____")][:1]
    said = [*files, *errors[-3:]] if errors else [line.strip() for line in lines[-3:]]
    return " / ".join(filter(None, said))[:700]


def _no_folder(error: OSError) -> GraderFault:
    return GraderFault(
        f"No folder for temporary files can be made: {error.strerror or error}. "
        "Free some disk space, or set TMPDIR to a folder that you can write to, and run the command again."
    )


def _check(line: str) -> CheckResult:
    data = json.loads(line)
    data.pop("exercise")
    return CheckResult(**{**data, "kind": Kind(data["kind"]), "verdict": Verdict(data["verdict"])})


def _own_fault(message: str, seconds: float) -> CheckResult:
    advice = "This is the grader's fault, not yours; it costs no points. Please report it with this line."
    return CheckResult("judge", "The judge itself", Kind.CORRECTNESS, Verdict.ERROR, seconds, message, advice)


def _short(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else path.name
