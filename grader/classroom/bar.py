"""How far a regrade is, and how long it will take: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grader.classroom import regrade
from grader.classroom.regrade import Plan
from grader.classroom.store import Store
from grader.classroom.units import Context, Unit, units_of
from grader.text import visible

EVERY = 20.0  # seconds between two lines of progress where no bar can be shown


class Bar:
    """Use as a context manager; `done` may be called from any thread. Seconds are guessed from those of each exercise so far."""

    def __init__(self, plan: Plan, store: Store, where: Context) -> None:
        light = [*regrade.missing(plan, store, where, timed=False)]
        timed = [*regrade.missing(plan, store, where, timed=True)]
        units = (unit for one in plan.sources.values() for unit in units_of(one.exercise, one.sha256))
        self._known = sum(1 for _ in units) - len(light) - len(timed)
        self._is_measured = partial(regrade.is_measured, plan=plan, store=store, context=where)
        self._left = Counter((unit.slug, unit.timed) for unit in (*light, *filter(self._is_measured, timed)))
        self._took: dict[tuple[str, bool], list[float]] = defaultdict(list)
        self._lock = threading.Lock()
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"), console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("grading", total=self.left, left="")
        self._began = self._said = self._light_until = time.monotonic()
        self._done = 0

    @property
    def left(self) -> int:
        """Units that are still to be graded."""
        return self._left.total()

    def __enter__(self) -> Bar:
        if self._known:
            self.say(f"{self._known} of {self._known + self.left} were graded before.")
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def done(self, unit: Unit, seconds: float) -> None:
        kind = (unit.slug, unit.timed)
        with self._lock:
            self._done += 1
            self._left[kind] = max(0, self._left[kind] - 1)  # what is measured a second time was counted once
            self._took[kind].append(seconds)
            if not unit.timed:
                self._light_until = time.monotonic()
                if self._left[unit.slug, True] and not self._is_measured(replace(unit, timed=True)):
                    self._left[unit.slug, True] -= 1  # nobody measures what is not right
            left = self._estimate()
            self._progress.update(self._task, completed=self._done, total=self._done + self.left)
            self._progress.update(self._task, description=unit.slug, left=left)
            if not self._console.is_terminal and time.monotonic() - self._said > EVERY:
                self._said = time.monotonic()
                click.echo(f"{self._done} of {self._done + self.left} graded, {left}", err=True)

    def say(self, text: str) -> None:
        self._console.print(visible(text), markup=False, highlight=False, soft_wrap=True)

    def _estimate(self) -> str:
        """What is timed comes one after the other, the rest at the pace so far; kinds not seen yet are like the middle of the others."""
        side_by_side = sum(sum(times) for (_, timed), times in self._took.items() if not timed)
        pace = (self._light_until - self._began) / side_by_side if side_by_side else 1.0
        means = {kind: statistics.fmean(times) for kind, times in self._took.items()}
        usual = statistics.median(means.values())
        seconds = sum(count * means.get(kind, usual) * (1.0 if kind[1] else pace) for kind, count in self._left.items())
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"
