"""What is asked of a schedule of tasks, and what it leaves behind."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field
from typing import Any

from grader.explore import recording
from grader.explore.results import Kind, Step
from grader.explore.tasks_strategies import Chooser


@dataclass(frozen=True)
class Cancellation:
    """A cancellation that was delivered: to whom, and at which line the task was suspended then."""

    task: str
    file: str
    line: int
    function: str
    source: str

    def __str__(self) -> str:
        return f"{self.task} was cancelled at {self.file}:{self.line}, in {self.function}: {self.source}"


class Recorder(recording.Recorder):
    """Takes down the steps of a schedule, cancellations among them."""

    def forget(self) -> None:
        """Hold on to no frame: it holds on to its task, whose end must be seen."""
        self._last = None
        self.holdings.forget()

    def cancelled(self, there: Cancellation) -> None:
        source = f"cancelled here: {there.source}"
        self._steps.append((Step(there.task, there.file, there.line, there.function, source), True))


@dataclass(frozen=True)
class Plan:
    """One schedule to play: who chooses, and which task (by number) is cancelled after which step of the loop.

    With `chance`, cancellations come at random instead: at most `times`, each step with that probability.
    """

    chooser: Chooser
    reorder: bool = False
    jitter: bool = False
    cancels: tuple[tuple[int, int], ...] = ()
    chance: float = 0.0
    times: int = 1
    seed: str = ""


@dataclass
class TaskActor:
    """A task, as the conductor knows it. `own` tasks were started by the scenario, not by the program under test."""

    number: int
    name: str
    own: bool
    task: weakref.ref[asyncio.Task[Any]]
    steps: int = 0
    cancelled_at: int = -1  # its count of steps at the last cancellation


@dataclass
class Complaint:
    """What asyncio would have logged or warned of. `certain`: also if the schedule ended early for another reason."""

    kind: Kind
    type: str
    message: str
    place: tuple[str, int] | None = None
    certain: bool = True


@dataclass
class Log:
    """What one schedule leaves behind for the search."""

    moments: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # step -> (task, its count of steps)
    cancels: list[tuple[int, int]] = field(default_factory=list)
    cancelled: list[Cancellation] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)


class EnoughError(BaseException):
    """Winding up a schedule took too many steps: some task does not end when it is cancelled."""
