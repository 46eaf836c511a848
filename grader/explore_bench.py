"""The explorer on programs whose verdict is known: what it finds, what it takes for a fault, and how long it needs.

`python -m grader.explore_bench` needs only the standard library, so any Python can run it with this checkout in PYTHONPATH.
Each program is explored in a process of its own: what a program leaves behind ends with it.

A program is either a folder of the corpus `threads` (a student's module, right and wrong, and the scenario that uses it) or
one file of the corpus `programs` with a function `main`, which starts its threads itself. The docstring of a wrong one says
how it ends (`ends:` one or more kinds), which words the message holds (`says:`), and options if it needs any (`options:`).
"""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grader.explore import Exploration, Failure, Kind, Options, Program, together

CORPUS = Path(__file__).resolve().parent / "tests" / "corpus"
# Of `threads`: needs a timeout that ends although nobody was slow.
ADVERSARIAL = ("t31_lock_timeout",)
ANY_FAULT = frozenset(Kind) - {Kind.OUTSIDE_CONTROL}
MOST = 200  # schedules within which a fault must be found
SEEDS, SCHEDULES = 20, 100
PATIENCE = 300.0  # seconds for all seeds of one program


@dataclass(frozen=True)
class Case:
    """A program, what to run of it, and the kinds of failure one of which is right; none if the program is correct."""

    name: str
    path: Path
    scenario: Callable[[Any], Any]
    kinds: frozenset[Kind] = frozenset()
    says: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The verdict on one program with one seed."""

    failure: Failure | None
    schedules: int
    seconds: float
    replayed: bool

    def complaint(self, case: Case) -> str:
        """What is wrong with this verdict; "" if it is right."""
        if self.failure is None:
            return f"nothing found in {self.schedules} schedules" if case.kinds else ""
        text = f"{self.failure.message} {self.failure.note}"
        if self.failure.kind not in case.kinds:
            return f"{self.failure.kind}: {text}"
        if self.schedules > MOST:
            return f"found only after {self.schedules} schedules"
        if case.says and not any(words in text for words in case.says):
            return f"the message says none of {', '.join(case.says)}: {text}"
        return "" if self.replayed else "its schedule did not do it again"


@dataclass(frozen=True)
class Row:
    """One line of the table: a program on one Python, with all its seeds."""

    python: str
    program: str
    expected: str
    seeds: int
    right: int
    schedules: float  # to the verdict: median
    most_schedules: int
    seconds: float  # to the verdict, the minimal schedule and its replay included: median
    most_seconds: float
    per_second: float  # schedules
    left: int  # threads that were still there at the end
    complaint: str = ""  # about the first verdict that was not right


def version() -> str:
    """Of this Python, such as 3.13.0, or 3.13.0t without the GIL."""
    return sys.version.split()[0] + getattr(sys, "abiflags", "")


def cases() -> list[Case]:
    """All programs, the correct ones first."""
    found = []
    for folder in sorted((CORPUS / "threads").iterdir()):
        scenario = functools.partial(_drive, _scenario_module(folder / "scenario.py"))
        options = {"adversarial_timeouts": True} if folder.name in ADVERSARIAL else {}
        for variant, kinds in (("correct", frozenset[Kind]()), ("buggy", ANY_FAULT)):
            path = folder / f"{variant}.py"
            found.append(Case(f"{variant}/{folder.name}", path, scenario, kinds, (), options))
    for path in sorted((CORPUS / "programs").glob("*/*.py")):
        found.append(_program(path))
    return sorted(found, key=lambda case: (bool(case.kinds), case.name))


def _program(path: Path) -> Case:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    lines = dict(re.findall(r"^(ends|says|options): (.*)$", doc, re.MULTILINE))
    kinds = frozenset(Kind(word) for word in re.findall(r"\w+", lines.get("ends", "")))
    says = tuple(re.findall(r'"([^"]+)"', lines.get("says", "")))
    options = {name: ast.literal_eval(value) for name, value in re.findall(r"(\w+)=(\w+)", lines.get("options", ""))}
    return Case(f"{path.parent.name}/{path.stem}", path, lambda module: module.main(), kinds, says, options)


def _scenario_module(path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names


def _drive(driver: dict[str, Any], module: Any) -> None:
    state = driver["make"](module, 2, 1)
    together(*(functools.partial(worker, state) for worker in driver["workers"](2, 1)))
    driver["check"](state)


def explore(case: Case, seed: int, schedules: int) -> Found:
    """Explore one program with one seed. A counterexample is played once more by its token, from nothing else."""
    options = Options(**{"schedules": schedules, "seconds": PATIENCE, "seed": seed, **case.options})
    exploration = Exploration(case.scenario, Program([case.path]), options=options)
    began = time.perf_counter()
    for _ in exploration:
        pass
    seconds = time.perf_counter() - began
    failure = exploration.failure
    # What blocks in something real would only block again.
    replayed = failure is None or failure.kind is Kind.OUTSIDE_CONTROL
    if failure is not None and not replayed:
        _, again, _ = Exploration(case.scenario, Program([case.path]), options=options).replay(failure.schedule)
        replayed = again is not None and (again.kind, again.type) == (failure.kind, failure.type)
    return Found(failure, exploration.summary.schedules, seconds, replayed)


def row(case: Case, seeds: int, schedules: int) -> Row:
    """One program with seeds 0, 1, 2... in this process."""
    before = threading.active_count()
    found = [explore(case, seed, MOST if case.kinds else schedules) for seed in range(seeds)]
    complaints = [complaint for f in found if (complaint := f.complaint(case))]
    seconds = [f.seconds for f in found]
    return Row(
        python=version(),
        program=case.name,
        expected=", ".join(sorted(case.kinds)) if case.kinds and case.kinds != ANY_FAULT else case.name.split("/")[0],
        seeds=seeds,
        right=seeds - len(complaints),
        schedules=statistics.median(f.schedules for f in found),
        most_schedules=max(f.schedules for f in found),
        seconds=round(statistics.median(seconds), 3),
        most_seconds=round(max(seconds), 3),
        per_second=round(sum(f.schedules for f in found) / max(sum(seconds), 1e-9)),
        left=threading.active_count() - before,
        complaint=complaints[0] if complaints else "",
    )


def rows(python: tuple[str, str], names: Iterable[str], seeds: int, schedules: int) -> Iterator[Row]:
    """Each program in a process of its own, run by that version and interpreter."""
    root = str(CORPUS.parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    for name in names:
        command = [
            python[1],
            "-m",
            "grader.explore_bench",
            "--here",
            "--seeds",
            str(seeds),
            "--schedules",
            str(schedules),
        ]
        try:
            done = subprocess.run(
                [*command, name], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            failed = "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"
            text = done.stdout
        except subprocess.TimeoutExpired:
            failed, text = f"its process did not end within {PATIENCE:g} s", ""
        if failed:
            yield Row(python[0], name, name.split("/")[0], seeds, 0, 0, 0, 0.0, 0.0, 0.0, 0, failed)
        else:
            yield Row(**json.loads(text))


def pythons() -> dict[str, str]:
    """Version -> interpreter: this one, and others from 3.11 on PATH or among pyenv's."""
    names = [f"python3.{minor}{build}" for minor in range(11, 16) for build in ("", "t")]
    candidates = [sys.executable, *filter(None, map(shutil.which, names))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += map(str, sorted(pyenv.glob("versions/*/bin/python")))
    ask = f"""import sys
{inspect.getsource(version)}
print(sys.version_info >= (3, 11), sys.implementation.name, version())"""
    found: dict[str, str] = {}
    for python in candidates:
        try:
            said = subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        match said.stdout.split():
            case ["True", "cpython", name]:
                found.setdefault(name, python)
    return found


def line(row: Row) -> str:
    """A row as text; `HEADING` names its columns."""
    text = (
        f"{row.program:<38} {row.expected:<16} {row.right:>3}/{row.seeds:<3} {row.schedules:>6g} {row.most_schedules:>5} "
        f"{row.seconds:>8.3f} {row.most_seconds:>8.3f} {row.per_second:>6.0f}"
    )
    if row.left:
        text += f"  {row.left} threads left"
    return text + (f"\n    {row.complaint}" if row.complaint else "")


HEADING = f"{'program':<38} {'expected':<16} {'right':>7} {'schedules':>12} {'seconds':>17} {'a second':>8}"


def total(found: Sequence[Row]) -> str:
    """The table of one Python in one line."""
    correct = [r for r in found if r.program.startswith("correct/")]
    wrong = [r for r in found if r not in correct]
    return (
        f"Python {found[0].python}: {sum(r.right for r in wrong)} of {sum(r.seeds for r in wrong)} faults found, "
        f"after at most {max((r.most_schedules for r in wrong), default=0)} schedules and "
        f"{statistics.median([r.seconds for r in wrong] or [0]):.2f} s (median; most "
        f"{max((r.most_seconds for r in wrong), default=0):.2f} s); "
        f"{sum(r.seeds - r.right for r in correct)} false alarms in {sum(r.seeds for r in correct)}; "
        f"{statistics.median([r.per_second for r in correct] or [0]):.0f} schedules a second (median)"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="grader.explore_bench", description="The explorer on its corpus, as a table.")
    parser.add_argument("names", nargs="*", help="programs, such as buggy/nested_executor (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--schedules", type=int, default=SCHEDULES, help="of each seed, for correct programs")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--here", action="store_true", help="in this process, as JSON")
    chosen = parser.parse_args(arguments)
    known = {case.name: case for case in cases()}
    names = chosen.names or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no such program: {', '.join(unknown)}")
    if chosen.here:
        for name in names:
            print(json.dumps(asdict(row(known[name], chosen.seeds, chosen.schedules))), flush=True)
        return 0
    found = []
    if not chosen.json:
        print(HEADING)
    for one in rows((version(), sys.executable), names, chosen.seeds, chosen.schedules):
        found.append(one)
        print(json.dumps(asdict(one)) if chosen.json else line(one), flush=True)
    if not chosen.json:
        print(total(found))
    return 0 if all(one.right == one.seeds for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
