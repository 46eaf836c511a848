"""One judge process: begun, told to go if it waits, followed to its end, and read."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from grader.catalog import Exercise
from grader.errors import GraderFault
from grader.measure import timing_lock
from grader.nursery import Forked, Nursery
from grader.sandbox import cage, warm
from grader.sandbox.processes import end_all, end_group, mentioning
from grader.sandbox.removal import remove
from grader.sandbox.session import shared_memory_of
from grader.verdict import CheckResult, Kind, Verdict

PATIENCE = 3.0  # seconds for the processes of a killed judge to end by themselves
LONGEST = 1800.0  # seconds for one judge; every check in it has its own, much shorter deadline
HIDDEN = ("CI", "PYTEST_ADDOPTS", "PYTHONPATH", "PYTEST_PLUGINS")  # would change how the judge's pytest behaves
PYTEST = (sys.executable, "-P", "-m", "pytest")
GO = b"go\n"  # what a judge that waits reads when there is a submission


class Judging:
    """A judge over one submission, in a folder of its own that lies in the run's. Several may work side by side.

    `copy` is the file that it judges. Of a judge that `waits`, it need not be there before `go()`.
    """

    def __init__(
        self,
        exercise: Exercise,
        folder: Path,
        name: str,
        *,
        seed: int,
        isolation: str,
        options: Sequence[str] = (),
        nursery: Nursery | None = None,
        waits: bool = False,
    ) -> None:
        self.copy = folder / name
        self._results, self._output = folder / "results.jsonl", folder / "output.txt"
        self._results.touch()
        self._run = (
            f"{folder.parent.name}/{folder.name}/"  # stands in the command line or environment of all its processes
        )
        command = [*judge_command(exercise, self.copy, seed), "--results", str(self._results), *options]
        places = {"TMPDIR": str(folder), timing_lock.PLACE: str(folder.parent.parent), warm.RUN: self._run}
        environment = {**judge_environment(), cage.VARIABLE: isolation, **places}
        self._began = time.monotonic()
        judge: subprocess.Popen[bytes] | Forked | None = None
        if waits:
            command += ["--wait", "-s"]  # pytest would replace the standard input on which it is to wait
        elif nursery is not None:
            with contextlib.suppress(OSError):  # it was killed, by whomever: the others start cold
                judge = nursery.fork(command[len(PYTEST) :], environment, exercise.root, self._output)
        if judge is None:
            with open(self._output, "wb") as out:
                judge = subprocess.Popen(
                    command, stdin=subprocess.PIPE if waits else subprocess.DEVNULL, stdout=out, stderr=out,
                    cwd=exercise.root, start_new_session=True, env=environment,
                )  # fmt: skip
        self._judge = judge

    def go(self) -> None:
        """Let a judge that waits begin: `copy` is there now. Raises GraderFault when it has ended before."""
        assert isinstance(self._judge, subprocess.Popen)
        assert self._judge.stdin is not None
        try:
            with self._judge.stdin as line:
                line.write(GO)
        except OSError as error:
            raise GraderFault(
                f"The judge ended before it had anything to judge. {_last_words(self._output)}"
            ) from error
        self._began = time.monotonic()

    def has_ended(self) -> bool:
        return self._judge.poll() is not None

    def end(self) -> None:
        """Kill it; its warm parent sees the pipe close and ends every submission."""
        if not self.has_ended():
            end_group(self._judge.pid)

    def finish(self, heard: Callable[[CheckResult], None]) -> list[CheckResult]:
        """Its results, which `heard` is told as they come, from another thread. Nothing of it is left when this returns."""
        code = self._wait(heard)
        checks, whole = _checks(self._results)
        if code not in (0, 1) or not checks or not whole:
            seconds = round(time.monotonic() - self._began, 3)
            happened = _ending(code) if code not in (0, 1) or whole else "The judge could not write down all results."
            checks.append(_own_fault(f"{happened} {_last_words(self._output)}".strip(), seconds))
        return checks

    def _wait(self, heard: Callable[[CheckResult], None]) -> int:
        listener = threading.Thread(target=_follow, args=(self._judge, self._results, heard), daemon=True)
        listener.start()
        try:
            code = self._judge.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.end()
            code = self._judge.wait()
        if code < 0:
            _end_rest(self._run)
        listener.join()
        return code


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


def _end_rest(run: str) -> None:
    """End what a judge that was killed has left."""
    end = time.monotonic() + PATIENCE
    while mentioning(run) and time.monotonic() < end:
        time.sleep(0.02)  # its warm parent sees the judge gone, and knows best what belongs to it
    end_all(lambda: mentioning(run))
    for path in Path("/dev/shm").glob(f"*{shared_memory_of(run)[1:]}*"):
        remove(path)


def _follow(judge: subprocess.Popen[bytes] | Forked, results: Path, heard: Callable[[CheckResult], None]) -> None:
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
            time.sleep(0.02)


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


def _check(line: str) -> CheckResult:
    data = json.loads(line)
    data.pop("exercise")
    return CheckResult(**{**data, "kind": Kind(data["kind"]), "verdict": Verdict(data["verdict"])})


def _own_fault(message: str, seconds: float) -> CheckResult:
    advice = "This is the grader's fault, not yours; it costs no points. Please report it with this line."
    return CheckResult("judge", "The judge itself", Kind.CORRECTNESS, Verdict.ERROR, seconds, message, advice)
