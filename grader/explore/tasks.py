"""Find races, deadlocks, leaks and unsafe cancellations in asyncio code by exploring schedules.

>>> program = Program([Path("pool.py")])
>>> async def scenario(module):
...     pool = module.Pool(connect, size=1)
...     clients = [asyncio.create_task(client(pool), name=f"client {n}") for n in (1, 2)]
...     await asyncio.gather(*clients, return_exceptions=True)
...     return pool.in_use
>>> exploration = explore_tasks(scenario, program, cancel="everywhere", cancel_times=2)
>>> for outcome in exploration: ...
>>> print(exploration.failure or exploration.summary)

What asyncio promises (first in, first out; `sleep(0)` lets the others on) holds unless `reorder` is set. Always explored
is what asyncio leaves open: how threads of executors interleave, and what the scenario leaves to `choose`.
"""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from grader.explore.program import Program
from grader.explore.results import Evidence, Failure, Kind, Outcome, Step, Summary, parse_schedule, schedule_text
from grader.explore.tasks_conductor import EVERYWHERE, TaskConductor
from grader.explore.tasks_data import Cancellation, Plan, Recorder
from grader.explore.tasks_loop import ControlledLoop
from grader.explore.tasks_run import Ended, Scene, play
from grader.explore.tasks_search import Search, TaskOptions, minimised
from grader.explore.tasks_strategies import Follow

__all__ = [
    "EVERYWHERE",
    "Cancellation",
    "TaskExploration",
    "TaskFailure",
    "TaskOptions",
    "TaskOutcome",
    "TaskSummary",
    "choose",
    "explore_tasks",
]

T = TypeVar("T")
_TOKEN = re.compile(r"(r?)(t?)([0-9a-zA-Z_]+)((?:-\d+\.\d+)*)")


@dataclass(frozen=True)
class TaskOutcome(Outcome):
    """A distinct value that the scenario returned after these cancellations."""

    cancelled: tuple[Cancellation, ...] = ()


@dataclass(frozen=True)
class TaskFailure(Failure):
    """`note` says where the cancellations were delivered; `type` is "NeverAwaited" or "BlockingCall" for those."""

    cancelled: tuple[Cancellation, ...] = ()


@dataclass(frozen=True)
class TaskSummary(Summary):
    """`bound`: the most decisions of a schedule that were not asyncio's own."""

    def __str__(self) -> str:
        return f"all {self.schedules} schedules" if self.exhausted else f"{self.schedules} schedules"


def explore_tasks(
    scenario: Callable[..., Any],
    program: Program,
    args: Sequence[Any] = (),
    *,
    schedules: int = 100,
    seconds: float = 5.0,
    seed: int = 0,
    reorder: bool = False,
    cancel: str | None = None,
    cancel_times: int = 1,
    timer_jitter: bool = False,
    check_leaks: bool = True,
    steps: int = 5_000,
    key: Callable[[Any], Any] = repr,
) -> TaskExploration:
    """Schedules of the coroutine function `scenario(module, *args)`, in virtual time.

    `schedules` and `seconds` (real ones) are the budget; schedules with a planned cancellation are not counted.
    `reorder`: also let ready tasks run in another order than asyncio does; only for programs that promise to work in any
    order. `cancel`: the name of a task, or a pattern such as `client*`, that is cancelled wherever it is suspended, in a
    schedule of its own each; "everywhere" stands for every task that the scenario itself starts. `cancel_times=2`: and
    once more at each point that follows. `timer_jitter`: timers may be up to 10 ms late, so that those due at nearly the
    same time come in any order. `check_leaks`: tasks still running at the end are a failure. `steps`: of the event loop,
    after which a schedule counts as endless. `key` tells distinct outcomes apart.
    """
    options = TaskOptions(schedules, seconds, seed, reorder, cancel, cancel_times, timer_jitter, check_leaks, steps)
    return TaskExploration(scenario, program, args, options, key)


def choose(options: Sequence[T]) -> T:
    """For scenarios: one of `options`, all of which are explored. Outside an exploration the first."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, ControlledLoop) and isinstance(loop.conductor, TaskConductor):
        return options[loop.conductor.choose(len(options))]
    return options[0]


class TaskExploration:
    """Iterate for the distinct outcomes; a failure ends the iteration and is in `failure`."""

    def __init__(
        self,
        scenario: Callable[..., Any],
        program: Program,
        args: Sequence[Any] = (),
        options: TaskOptions | None = None,
        key: Callable[[Any], Any] = repr,
    ) -> None:
        self.options = options or TaskOptions()
        self.failure: TaskFailure | None = None
        self.summary = TaskSummary(0, 0.0)
        self._scene = Scene(scenario, program, args, self.options.cancel, self.options.steps, self.options.check_leaks)
        self._key = key

    def __iter__(self) -> Iterator[TaskOutcome]:
        began, seen = time.monotonic(), set()
        self.failure, self.summary = None, TaskSummary(0, 0.0)
        search = Search(self.options)
        plans, ended = search.plans(), None
        while True:
            try:
                plan = next(plans) if ended is None else plans.send(ended)
            except StopIteration:
                break
            ended = self._play(plan)
            self.summary = TaskSummary(self.summary.schedules + 1, time.monotonic() - began)
            if ended.kind is not None:
                self.failure = self._proven(plan, ended)
                return
            cancelled = tuple(ended.log.cancelled)
            key = self._key(ended.value), cancelled
            if key not in seen:
                seen.add(key)
                yield TaskOutcome(ended.value, _text(plan, ended), self.summary.schedules, cancelled)
        bound = search.bound if search.exhausted else None
        self.summary = TaskSummary(self.summary.schedules, time.monotonic() - began, search.exhausted, bound)

    def evidence(self, outcome: Outcome) -> Evidence:
        """The simplest schedule found that gives this outcome, with the same cancellations."""
        wanted = self._key(outcome.value)
        plan = _parsed(outcome.schedule)

        def same(other: Ended) -> bool:
            return other.kind is None and bool(self._key(other.value) == wanted)

        simple = minimised(plan, self._play(plan), self._play, same, keep_cancels=True)
        recorder = Recorder()
        again = self._play(simple, recorder)
        return Evidence(_text(simple, again), recorder.steps(), len(again.deviations), _note(again))

    def replay(self, schedule: str) -> tuple[Any, TaskFailure | None, tuple[Step, ...]]:
        """Play one schedule: what the scenario returned, or the failure, and the steps. Raises ValueError."""
        recorder = Recorder()
        plan = _parsed(schedule)
        ended = self._play(plan, recorder)
        failure = self._failure(plan, ended, recorder) if ended.kind is not None else None
        return ended.value, failure, failure.steps if failure else recorder.steps()

    def _play(self, plan: Plan, recorder: Recorder | None = None) -> Ended:
        gc.freeze()  # the collection after each schedule need not look at what was there before it
        try:
            return play(self._scene, plan, recorder)
        finally:
            gc.unfreeze()

    def _proven(self, plan: Plan, ended: Ended) -> TaskFailure:
        """The failure under the simplest schedule found, if it happens again; else `outside_control`."""
        text = _text(plan, ended)
        if ended.kind is Kind.OUTSIDE_CONTROL:
            return TaskFailure(Kind.OUTSIDE_CONTROL, ended.message, text)
        simple = minimised(plan, ended, self._play, lambda other: other.signature == ended.signature)
        recorder = Recorder()
        again = self._play(simple, recorder)
        if again.signature != ended.signature:
            message = f"{ended.kind}: {ended.message}; but the same schedule did not do it again"
            return TaskFailure(Kind.OUTSIDE_CONTROL, message, text)
        return self._failure(simple, again, recorder)

    def _failure(self, plan: Plan, ended: Ended, recorder: Recorder) -> TaskFailure:
        assert ended.kind is not None
        return TaskFailure(
            ended.kind, ended.message, _text(plan, ended), recorder.steps(ended.kind is Kind.DEADLOCK), ended.waits,
            ended.place, ended.type, len(ended.deviations), _note(ended), cancelled=tuple(ended.log.cancelled),
        )  # fmt: skip


def _note(ended: Ended) -> str:
    return "; ".join(str(cancellation) for cancellation in ended.log.cancelled)


def _text(plan: Plan, ended: Ended) -> str:
    """`r` other orders, `t` late timers, the deviations, then task.step of each cancellation: r3b2a-2.17"""
    marks = "r" * plan.reorder + "t" * plan.jitter
    return marks + schedule_text(ended.deviations) + "".join(f"-{task}.{step}" for task, step in ended.log.cancels)


def _parsed(text: str) -> Plan:
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no schedule of tasks")
    cancels = [cancel.split(".") for cancel in match[4].split("-") if cancel]
    picks, _ = parse_schedule(match[3])
    return Plan(Follow(picks), bool(match[1]), bool(match[2]), tuple((int(task), int(step)) for task, step in cancels))
