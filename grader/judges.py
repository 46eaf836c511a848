"""Judge processes: one for a submission, or one that takes many; begun, followed, read, and ended."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from grader.catalog import Exercise
from grader.measure import timing_lock
from grader.nursery import Forked, Nursery
from grader.sandbox import cage, warm
from grader.sandbox.processes import end_all, end_group, mentioning
from grader.sandbox.removal import remove
from grader.sandbox.session import shared_memory_of
from grader.verdict import CheckResult, Kind, Verdict, check_from

LOOK = 0.01  # seconds between two looks at the results
PATIENCE = 3.0  # seconds for the processes of a killed judge to end by themselves
LONGEST = 1800.0  # seconds for one judge; every check in it has its own, much shorter deadline
HIDDEN = ("CI", "PYTEST_ADDOPTS", "PYTHONPATH", "PYTEST_PLUGINS")  # would change how the judge's pytest behaves
PYTEST = (sys.executable, "-P", "-m", "pytest")
Heard = Callable[[CheckResult], None]
STOPPED = "It was stopped before it had done all checks."  # the message of a judge that `end` has ended
OVER = {"over": True}  # `judge.plugin` writes it behind the results of one of many submissions


class _Process:
    """A judge's process, in a folder of its own that lies in the run's folder."""

    def __init__(
        self, exercise: Exercise, folder: Path, arguments: Sequence[str], *, isolation: str,
        nursery: Nursery | None = None, stands: bool = False,
    ) -> None:  # fmt: skip
        self._output = folder / "output.txt"
        # Stands in the command line or environment of all processes below it.
        self._run = f"{folder.parent.name}/{folder.name}/"
        places = {"TMPDIR": str(folder), timing_lock.PLACE: str(folder.parent.parent), warm.RUN: self._run}
        environment = {**judge_environment(), cage.VARIABLE: isolation, **places}
        judge: subprocess.Popen[bytes] | Forked | None = None
        if nursery is not None and not stands:
            with contextlib.suppress(OSError):  # it was killed, by whomever: the others start cold
                judge = nursery.fork(arguments, environment, exercise.root, self._output)
        if judge is None:
            with open(self._output, "wb") as out:
                judge = subprocess.Popen(
                    [*PYTEST, *arguments], stdin=subprocess.PIPE if stands else subprocess.DEVNULL, stdout=out, stderr=out,
                    cwd=exercise.root, start_new_session=True, env=environment,
                )  # fmt: skip
        self._judge = judge

    def has_ended(self) -> bool:
        return self._judge.poll() is not None

    def end(self) -> None:
        """Kill it; its warm parent sees the pipe close and ends every submission."""
        if not self.has_ended():
            end_group(self._judge.pid)

    def _bury(self, patience: float) -> int:
        """The exit code, after so many seconds at most. Nothing of it is left then."""
        try:
            code = self._judge.wait(patience)
        except subprocess.TimeoutExpired:
            self.end()
            code = self._judge.wait()
        if code < 0:
            _end_rest(self._run)
        return code

    def _fault(self, happened: str, began: float) -> CheckResult:
        seconds = round(time.monotonic() - began, 3)
        return _own_fault(f"{happened} {_last_words(self._output)}".strip(), seconds)


class Judging(_Process):
    """A judge over one submission. Several may work side by side."""

    def __init__(
        self, exercise: Exercise, folder: Path, copy: Path, *, seed: int, isolation: str, options: Sequence[str] = (),
        nursery: Nursery | None = None,
    ) -> None:  # fmt: skip
        self._results = folder / "results.jsonl"
        self._results.touch()
        self._stopped = False
        self._began = time.monotonic()
        arguments = [*arguments_of(exercise, copy, seed), "--results", str(self._results), *options]
        super().__init__(exercise, folder, arguments, isolation=isolation, nursery=nursery)

    def end(self) -> None:
        self._stopped = True
        super().end()

    def finish(self, heard: Heard) -> list[CheckResult]:
        """Its results, which `heard` is told as they come, from another thread. Nothing of it is left when this returns."""
        listener = threading.Thread(target=_follow, args=(self._results, heard, self.has_ended), daemon=True)
        listener.start()
        code = self._bury(LONGEST)
        listener.join()
        checks, whole = _checks(self._results)
        if self._stopped and code < 0:
            checks.append(_own_fault(STOPPED, round(time.monotonic() - self._began, 3)))
        elif code not in (0, 1) or not checks or not whole:
            unread = "The judge could not write down all results."
            checks.append(self._fault(_ending(code) if code not in (0, 1) or whole else unread, self._began))
        return checks


class StandingJudge(_Process):
    """A judge that has done all that can be done before, and takes submissions of one exercise one after the other.

    Where submissions are shut in, they share a cage, which is emptied after each check; elsewhere each has a warm parent of its own.
    """

    def __init__(
        self, exercise: Exercise, folder: Path, *, seed: int, isolation: str, options: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        self._number = itertools.count(1)
        arguments = [*arguments_of(exercise, exercise.stub, seed), "--orders", "-s", *options]
        super().__init__(exercise, folder, arguments, isolation=isolation, stands=True)

    def judge(self, submission: Path, heard: Heard, only: Sequence[str] = ()) -> list[CheckResult]:
        """The results of these checks (all, if none is named) for that file, which must stay as it is meanwhile."""
        began = time.monotonic()
        results = self._folder / f"results-{next(self._number)}.jsonl"
        results.touch()
        assert isinstance(self._judge, subprocess.Popen)
        assert self._judge.stdin is not None
        order = {"submission": str(submission), "results": str(results), "only": list(only)}
        with contextlib.suppress(OSError):  # it has ended, which the following sees
            self._judge.stdin.write(json.dumps(order).encode() + b"\n")
            self._judge.stdin.flush()
        over = _follow(results, heard, lambda: self.has_ended() or time.monotonic() - began > LONGEST)
        checks, whole = _checks(results)
        results.unlink(missing_ok=True)
        if not over or not checks or not whole:
            self.end()
            checks.append(self._fault(_ending(self._bury(PATIENCE)), began))
        return checks

    def close(self) -> None:
        """End it and all that is below it, whatever it does. From any thread, also twice."""
        self.end()
        self._bury(PATIENCE)
        assert isinstance(self._judge, subprocess.Popen)
        if self._judge.stdin is not None:
            with contextlib.suppress(OSError):
                self._judge.stdin.close()


def arguments_of(exercise: Exercise, submission: Path, seed: int) -> list[str]:
    """Of pytest as the judge: our ini and no other, no conftest, nothing imported from the current folder."""
    ini = Path(__file__).parent / "judge" / "judge.ini"
    return [
        "-q", "-p", "grader.judge.plugin", "--noconftest", "-c", str(ini),
        "--rootdir", str(exercise.root), str(exercise.tests), "--submission", str(submission), "--seed", str(seed),
    ]  # fmt: skip


def judge_environment() -> dict[str, str]:
    """The caller's environment; no pytest plugin but ours, whatever is installed."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _end_rest(run: str) -> None:
    """End what a judge that was killed has left."""
    end = time.monotonic() + PATIENCE
    while mentioning(run) and time.monotonic() < end:
        time.sleep(0.02)  # its warm parent sees the judge gone, and knows best what belongs to it
    end_all(lambda: mentioning(run))
    for path in Path("/dev/shm").glob(f"*{shared_memory_of(run)[1:]}*"):
        remove(path)


def _follow(results: Path, heard: Heard, has_ended: Callable[[], bool]) -> bool:
    """Tell each result as it is written down. True: a line said that it was the last one."""
    with open(results, encoding="utf-8") as file, contextlib.suppress(ValueError, LookupError, TypeError):
        part = ""
        while True:
            ended = has_ended()
            part += file.read()
            *lines, part = part.split("\n")
            for line in map(json.loads, lines):
                if line == OVER:
                    return True
                heard(_check(line))  # half a line, from a full disk, is told when the results are read
            if ended:
                return False
            time.sleep(LOOK)
    return False


def _checks(results: Path) -> tuple[list[CheckResult], bool]:
    """The results that the judge wrote down, and whether all of its file is readable."""
    checks: list[CheckResult] = []
    try:
        for line in map(json.loads, results.read_text(encoding="utf-8").splitlines()):
            if line != OVER:
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


def _check(line: dict[str, Any]) -> CheckResult:
    return check_from({key: value for key, value in line.items() if key != "exercise"})


def _own_fault(message: str, seconds: float) -> CheckResult:
    advice = "This is the grader's fault, not yours; it costs no points. Please report it with this line."
    return CheckResult("judge", "The judge itself", Kind.CORRECTNESS, Verdict.ERROR, seconds, message, advice)
