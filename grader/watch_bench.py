"""How long a student waits after a save: `grader watch`, `grader check`, and plain pytest on the same checks."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from grader.catalog import Catalog, Exercise
from grader.grading import Grading
from grader.render.screen import Screen
from grader.render.watching import View
from grader.verdict import CheckResult, ExerciseResult
from grader.watch import Judges, Watch, changes_below

Row = tuple[str, list[float], list[float]]  # what, seconds to the first result, seconds to the last one


class _Clocked(View):
    """Notes when the first result of a run came, and when it was over."""

    def __init__(self) -> None:
        super().__init__(Console(file=StringIO()), Screen())
        self.first = 0.0
        self.over = asyncio.Event()

    def begin(self, exercise: Exercise, now: datetime) -> None:
        self.first = 0.0
        super().begin(exercise, now)

    def heard(self, check: CheckResult) -> None:
        self.first = self.first or time.perf_counter()
        super().heard(check)

    def end(self, result: ExerciseResult, exercise: Exercise, following: Exercise | None, note: str) -> None:
        super().end(result, exercise, None, note)
        self.over.set()


def rows(root: Path, slug: str, saves: int, folder: Path) -> Iterator[Row]:
    """Each with so many saves of a wrong submission, which differ by a comment. `folder` is for a copy of the exercises."""
    for name in ("exercises", "tests"):
        shutil.copytree(root / name, folder / name)
    exercise = Catalog(folder).find(slug)
    wrong = Catalog(root).find(slug).rejected[0].read_bytes()
    numbers = itertools.count()

    def save() -> float:
        new = exercise.stub.with_suffix(".new")
        new.write_bytes(wrong + f"\n# {next(numbers)}\n".encode())
        os.replace(new, exercise.stub)
        return time.perf_counter()

    yield ("grader watch, warm", *asyncio.run(_watched(exercise, saves, save)))
    check = [sys.executable, "-P", "-m", "grader", "check", slug]
    yield ("grader check, cold", *_commands(check, saves, save, folder))
    plain = [sys.executable, "-P", "-m", "pytest", "-q", str(exercise.tests)]
    yield ("pytest, cold", *_commands(plain, saves, save, folder))


async def _watched(exercise: Exercise, saves: int, save: Callable[[], float]) -> tuple[list[float], list[float]]:
    view = _Clocked()
    first, over = [], []
    os.environ["GRADER_STATE"] = str(exercise.root / "state")
    with Grading() as grading:
        watch = Watch(Catalog(exercise.root), exercise, Judges(grading), view, lambda catalog: [])
        running = asyncio.create_task(watch.main(changes_below([exercise.root / "exercises"]), None))
        await view.over.wait()
        for _ in range(saves):
            await asyncio.sleep(0.5)  # a student does not save at once; meanwhile the next judge gets ready
            view.over.clear()
            saved = save()
            await view.over.wait()
            first.append(view.first - saved)
            over.append(time.perf_counter() - saved)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return first, over


def _commands(
    command: list[str], saves: int, save: Callable[[], float], folder: Path
) -> tuple[list[float], list[float]]:
    """The first result is the first thing that is printed."""
    first, over = [], []
    for _ in range(saves):
        saved = save()
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
            assert running.stdout is not None
            running.stdout.read(1)
            first.append(time.perf_counter() - saved)
            running.stdout.read()
        over.append(time.perf_counter() - saved)
    return first, over


def line(row: Row) -> str:
    what, first, over = row
    return f"{what:<20} {statistics.median(first):>8.2f} s {max(first):>8.2f} s {statistics.median(over):>8.2f} s"


HEADING = f"{'':<20} {'first':>10} {'slowest':>10} {'all checks':>10}"
