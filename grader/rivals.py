"""What a verdict costs and whether it is right: this grader beside pytest, check50 and otter-grader on five light checks.

All grade the same files one after the other. Ours shuts each of them in; the others run them as they do by default: in their
own process, or below it. They are installed into environments of their own, and each has the seconds that ours gives one check.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grader import rival_checks
from grader.catalog import Catalog, Exercise
from grader.classroom import synthetic
from grader.errors import GraderFault
from grader.grading import Grading, Request, Standing
from grader.selfcheck import header
from grader.verdict import Verdict

SLUG = "warm_caches"
CHECKS = tuple(f"test_{check.__name__}" for check in rival_checks.CHECKS)
# What holds the five plain checks in the words of each grader: by the name of a file, its text.
PYTEST = {"test_plain.py": "import rival_checks\nimport warm_caches\n"}
PYTEST_CHECK = "\ndef test_{0}():\n    rival_checks.{0}(warm_caches)\n"
CHECK50 = {
    ".cs50.yaml": "check50:\n  checks: checks.py\n",
    "checks.py": "import check50\nimport check50.py\nimport rival_checks\n",
}
CHECK50_CHECK = '''
@check50.check()
def {0}():
    """{0}"""
    try:
        rival_checks.{0}(check50.py.import_("warm_caches.py"))
    except Exception as error:
        raise check50.Failure(repr(error)) from None
'''
OTTER = {
    "tests/q1.py": """
OK_FORMAT = False
from types import SimpleNamespace
from otter.test_files import test_case
import rival_checks
name, points = "q1", 5
"""
}
OTTER_CHECK = """
@test_case()
def test_{0}(warm_all, ResultThread):
    rival_checks.{0}(SimpleNamespace(warm_all=warm_all, ResultThread=ResultThread))
"""


@dataclass(frozen=True)
class Tool:
    """`command` runs in the folder of the submission, `prepare` in that of the checks; `passed` is given the exit code and the former."""

    name: str
    packages: str
    files: Mapping[str, str]
    check: str
    command: str
    passed: Callable[[int, Path], bool]
    prepare: str = "{programs}/python --version"


def _all_of_check50(code: int, folder: Path) -> bool:
    results = json.loads((folder / "results.json").read_text())["results"]
    return len(results) == len(CHECKS) and all(one["passed"] for one in results)


def _all_of_otter(code: int, folder: Path) -> bool:
    tests = json.loads((folder / "results.json").read_text())["tests"]
    scored = [one for one in tests if one.get("max_score")]
    return bool(scored) and all(one["score"] == one["max_score"] for one in scored)


TOOLS = (
    Tool(
        "pytest",
        f"pytest=={pytest.__version__}",
        PYTEST,
        PYTEST_CHECK,
        "{programs}/python -m pytest -q {checks}/test_plain.py",
        lambda code, folder: code == 0,
    ),
    Tool(
        "check50",
        "check50==3.5.0",
        CHECK50,
        CHECK50_CHECK,
        "{programs}/check50 --dev {checks} -o json --output-file results.json",
        _all_of_check50,
    ),
    Tool(
        "otter-grader",
        "otter-grader==7.0.0 ipykernel==7.4.0",
        OTTER,
        OTTER_CHECK,
        f"{{programs}}/otter run {SLUG}.py -a {{checks}}/checks.zip -o . --no-logo",
        _all_of_otter,
        "{programs}/otter generate -t tests -o checks.zip",
    ),
)


@dataclass
class Row:
    """What one grader did: seconds a file, and what was wrong, each as "KIND passed" or "KIND failed"."""

    name: str
    isolation: str
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    path: Path
    kind: str
    passes: bool | None  # None: another check than these five catches it


def rows(catalog: Catalog, files: int, seed: int, folder: Path, tell: Callable[[str], None]) -> Iterator[Row]:
    """Of each grader, ours first. `folder` is empty; `tell` hears of the installations. Raises GraderFault when one fails."""
    exercise = catalog.find(SLUG)
    handed_in = list(_handed_in(exercise, files, seed, folder / "class"))
    with Grading(seed=seed) as grading, grading.standing(exercise) as judge:
        ours = Row("grader", str(grading.isolation))
        for file in handed_in:
            _grade(ours, file, lambda path: _by_us(judge, exercise, path))
        yield ours
    for tool in TOOLS:
        tell(f"Installing {tool.packages} ...")
        run = _installed(tool, folder / tool.name, exercise.seconds)
        row = Row(tool.name, "none")
        for file in handed_in:
            _grade(row, file, run)
        yield row


def _handed_in(exercise: Exercise, files: int, seed: int, folder: Path) -> Iterator[_File]:
    table = synthetic.make(folder, [exercise], files, seed)
    with open(table, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            path = folder / line["identifier"] / f"{exercise.slug}.py"
            passes: bool | None = line["passes"] == "True"
            if line["kind"] == "wrong" and not set(header(path).caught_by) & set(CHECKS):
                passes = None
            yield _File(path, line["kind"], passes)


def _grade(row: Row, file: _File, passes: Callable[[Path], bool]) -> None:
    began = time.monotonic()
    passed = passes(file.path)
    row.seconds.append(time.monotonic() - began)
    if file.passes not in (None, passed):
        row.wrong.append(f"{file.kind} {'passed' if passed else 'failed'}")


def _by_us(judge: Standing, exercise: Exercise, path: Path) -> bool:
    checks = judge.run(Request(exercise, path, CHECKS)).checks
    return len(checks) == len(CHECKS) and all(check.verdict is Verdict.PASSED for check in checks)


def _installed(tool: Tool, folder: Path, seconds: float) -> Callable[[Path], bool]:
    """Grades one file by this tool. Raises GraderFault when it cannot be installed."""
    venv.create(folder / "venv", with_pip=True)
    checks, work = folder / "checks", folder / "work"
    each = "".join(tool.check.format(check.__name__) for check in rival_checks.CHECKS)
    for name, text in tool.files.items():
        (checks / name).parent.mkdir(parents=True, exist_ok=True)
        (checks / name).write_text(text + each if name.endswith(".py") else text, encoding="utf-8")
    shutil.copy(rival_checks.__file__, checks)

    def words(command: str) -> list[str]:
        return shlex.split(command.format(programs=folder / "venv" / "bin", checks=checks))

    for command in (f"{{programs}}/python -m pip install -q {tool.packages}", tool.prepare):
        done = subprocess.run(words(command), cwd=checks, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GraderFault(f"{tool.name} could not be installed: {done.stderr.strip()[-300:]}")

    def passes(path: Path) -> bool:
        work.mkdir()
        try:
            shutil.copy(path, work)
            code = _run(words(tool.command), work, checks, seconds)
            with contextlib.suppress(OSError, ValueError, LookupError):  # it died before it had written its results
                return tool.passed(code, work)
            return False
        finally:
            shutil.rmtree(work)

    return passes


def _run(command: Sequence[str], work: Path, checks: Path, seconds: float) -> int:
    """The exit code. Below a shell, for a submission may kill its parent process, which should not be us."""
    path = os.pathsep.join([str(work), str(checks)])
    running = subprocess.Popen(
        ["sh", "-c", '"$@"; exit $?', "sh", *command],
        cwd=work,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return running.wait(seconds)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


HEADING = f"{'':<14} {'isolation':<16} {'median':>8} {'mean':>8}   wrong verdicts"


def line(row: Row) -> str:
    wrong = ", ".join(f"{row.wrong.count(one)} {one}" for one in dict.fromkeys(row.wrong)) or "none"
    middle, mean = statistics.median(row.seconds), statistics.fmean(row.seconds)
    return f"{row.name:<14} {row.isolation:<16} {middle:>6.2f} s {mean:>6.2f} s   {wrong}"
