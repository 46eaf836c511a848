"""What happens to the tasks of one schedule: who runs next, who is cancelled where, and what went wrong unseen."""

from __future__ import annotations

import asyncio
import collections
import fnmatch
import os
import random
import re
import sys
import weakref
from collections.abc import Collection, Sequence
from types import FrameType
from typing import Any

from grader.explore import explain, holding, scheduler, tasks_view
from grader.explore.results import Kind, Wait
from grader.explore.scheduler import Run
from grader.explore.tasks_data import Cancellation, Complaint, EnoughError, Log, Plan, Recorder, TaskActor
from grader.explore.tasks_loop import ControlledLoop

SCENARIO = "scenario"  # the name of the task that runs the scenario
EVERYWHERE = "everywhere"
LATE = 0.01  # seconds that a timer is late at most, in `LATENESSES` - 1 equal steps, and that computing may take
LATENESSES = 4
BLOCKED = 0.001  # virtual seconds for which a task may hold up the loop
DEFAULT_NAME = re.compile(r"Task-\d+")
EXPLORE = os.path.dirname(__file__) + os.sep


class TaskConductor:
    """`cancel`: the name (or pattern) of the tasks that may be cancelled, or "everywhere". `steps`: the budget."""

    def __init__(
        self, plan: Plan, files: Collection[str], cancel: str | None, steps: int, recorder: Recorder | None
    ) -> None:
        self.plan, self.files, self.recorder = plan, files, recorder
        self._cancel, self._steps = cancel, steps
        self._names_of_files = {os.path.basename(file) for file in files}
        self.reorders = plan.reorder
        self.log = Log()
        self.live = True  # False while the schedule is wound up
        self._deciding = True
        self._ended_by_us: set[int] = set()
        self.run: Run | None = None
        self.loop: ControlledLoop | None = None
        self.main: TaskActor | None = None
        self.stuck = ""  # the task that blocks the loop for ever
        self.holders: dict[
            int, list[tuple[TaskActor, int, object]]
        ] = {}  # of a lock: who took it, at which line; and itself
        self._actors: dict[int, TaskActor] = {}
        self._numbers: weakref.WeakKeyDictionary[asyncio.Task[Any], int] = weakref.WeakKeyDictionary()
        self._targets: list[TaskActor] = []
        self._names: collections.Counter[str] = collections.Counter()
        self._recent: collections.deque[int] = collections.deque(maxlen=500)
        self._step = 0
        self._random = random.Random(plan.seed)

    # -- for the loop --------------------------------------------------------------------------------------------------

    def lane(self, owner: asyncio.Task[Any] | None) -> int:
        return 0 if owner is None else self.actor(owner).number

    def pick(self, lanes: Sequence[int]) -> int:
        return self._decide(lanes, "order")

    def lateness(self) -> float:
        return LATE * self._decide(range(LATENESSES), "time") / (LATENESSES - 1) if self.plan.jitter else 0.0

    def passes(self, seconds: float) -> bool:
        return self.plan.jitter and seconds <= LATE and bool(self._decide(range(2), "time"))

    def created(self, task: asyncio.Task[Any], name: str | None) -> None:
        if task in self._numbers:
            return
        number = len(self._actors) + 1
        body: Any = task.get_coro()
        function = _function_of(task)
        self._names[function] += 1
        actor = TaskActor(number, name or f"{function} {self._names[function]}", self._is_own(), weakref.ref(task))
        self._actors[number] = actor
        self._numbers[task] = number
        if self.main is None:
            self.main = actor
        if getattr(body, "cr_suspended", False):  # it was started eagerly
            self._begun(actor, task)

    def ran(self, owner: asyncio.Task[Any] | None) -> None:
        self._step += 1
        if self.run is not None:
            self.run.loops += 1  # a sign of life, also where no code under test runs
        if owner is not None:
            actor = self.actor(owner)
            actor.steps += 1
            if actor.steps == 1:
                self._begun(actor, owner)
            self._recent.append(actor.number)
        if self._step > self._steps:
            self._give_up()
        if self.live and self._targets:
            self._cancel_now()

    def unhandled(self, context: dict[str, Any]) -> None:
        error, message = context.get("exception"), str(context.get("message"))
        task = context.get("task") or context.get("future")
        who = ""
        if isinstance(task, asyncio.Task):  # maybe in its finalizer, unknown to weak references already
            named = not DEFAULT_NAME.fullmatch(task.get_name())
            who = task.get_name() if named else self.name_of(task) if task in self._numbers else _function_of(task)
        if not self.live and ("never retrieved" not in message or id(task) in self._ended_by_us):
            return
        if "destroyed but it is pending" in message:
            text = f"{who or 'a task'} was forgotten while it was waiting: nobody holds a reference to it"
            self.log.complaints.append(Complaint(Kind.LEAK, "", text))
        elif isinstance(error, Exception):
            text = f"{message}{f', of {who}' if who else ''}: {explain.described(error)}"
            place = tasks_view.place_of(error, self.files)
            self.log.complaints.append(Complaint(Kind.EXCEPTION, type(error).__name__, text, place))

    # -- for the schedule ----------------------------------------------------------------------------------------------

    def choose(self, number: int) -> int:
        """An arbitrary number below `number`: the scenario leaves something open."""
        return self._decide(range(number), "choice")

    def actor(self, task: asyncio.Task[Any]) -> TaskActor:
        if task not in self._numbers:  # started eagerly: it runs before it is known
            self.created(task, None)
        return self._actors[self._numbers[task]]

    def name_of(self, future: asyncio.Future[Any]) -> str:
        return self.actor(future).name if isinstance(future, asyncio.Task) else ""

    def pending(self) -> list[asyncio.Task[Any]]:
        """All tasks but the scenario's that have not ended, in the order of their creation."""
        found = [actor.task() for actor in self._actors.values() if actor is not self.main]
        return [task for task in found if task is not None and not task.done()]

    def current(self) -> asyncio.Task[Any] | None:
        """The task that is running right now in the loop's thread."""
        if self.loop is None or self.loop.waits or not self.loop.is_running():
            return None
        return asyncio.current_task(self.loop)

    def waits(self) -> tuple[Wait, ...]:
        """What every suspended task waits for; of those in the files under test if there are any."""
        tasks = [actor.task() for actor in self._actors.values()]
        current = self.current()
        waits = tuple(
            tasks_view.wait_of(task, self.name_of(task), self.files, self.name_of, self._holder_for(task))
            for task in tasks
            if task is not None and not task.done() and task is not current
        )
        return tuple(w for w in waits if w.file in self._names_of_files) or waits

    def busy(self) -> list[asyncio.Task[Any]]:
        """The tasks that ran most in the last steps, most often first."""
        found = [self._actors[number].task() for number, _ in collections.Counter(self._recent).most_common(3)]
        return [task for task in found if task is not None and not task.done()]

    def place_of(self, task: asyncio.Task[Any]) -> FrameType | None:
        return tasks_view.innermost(tasks_view.frames_of(task), self.files)

    def close(self) -> None:
        """The scenario has returned: from now on asyncio's own order, and no cancellations."""
        self.reorders = self._deciding = False
        self._targets.clear()

    def spend(self, steps: int) -> None:
        """What happens from now on does not count; and there are at most so many steps to come."""
        self.live = False
        self._ended_by_us = {id(task) for task in self.pending()}
        self._step, self._steps = 0, steps

    # -- inside --------------------------------------------------------------------------------------------------------

    def _decide(self, options: Sequence[int], what: str) -> int:
        run = self.run
        if len(options) < 2 or not self._deciding or run is None:
            return 0
        index = run.decisions
        choice = self.plan.chooser.pick(index, options, what)
        run.decisions += 1
        if choice:
            run.deviations.append((index, choice))
        return choice

    def _begun(self, actor: TaskActor, task: asyncio.Task[Any]) -> None:
        """Only now has it its name: on Python 3.11, `create_task(..., name=...)` sets it afterwards."""
        if not DEFAULT_NAME.fullmatch(task.get_name()):
            actor.name = task.get_name()
        if self._deciding and self._is_target(actor):
            self._targets.append(actor)

    def _is_own(self) -> bool:
        for frame in tasks_view.stack(sys._getframe(1)):
            name = frame.f_code.co_filename
            if not name.startswith((tasks_view.ASYNCIO, EXPLORE)):
                return name not in self.files
            if frame.f_code.co_name == "wait_for":  # has a task of its own on Python 3.11 only
                return False
        return True

    def _is_target(self, actor: TaskActor) -> bool:
        if self._cancel is None:
            return False
        if self._cancel == EVERYWHERE:
            return actor.own and actor is not self.main
        return fnmatch.fnmatchcase(actor.name, self._cancel)

    def _cancel_now(self) -> None:
        """Note who could be cancelled after this step, and cancel whom the plan names."""
        open_to: list[TaskActor] = []
        for actor in self._targets:
            task = actor.task()
            if task is None or task.done() or actor.steps == actor.cancelled_at:
                continue
            if getattr(task.get_coro(), "cr_suspended", actor.steps > 0):
                open_to.append(actor)
        self.log.moments[self._step] = [(actor.number, actor.steps) for actor in open_to]
        for actor in open_to:
            planned = (actor.number, self._step) in self.plan.cancels
            by_chance = len(self.log.cancels) < self.plan.times and self._random.random() < self.plan.chance
            if planned or by_chance:
                self._deliver(actor)

    def _deliver(self, actor: TaskActor) -> None:
        task = actor.task()
        assert task is not None
        frame = self.place_of(task)
        if frame is not None:
            code = frame.f_code
            place = (os.path.basename(code.co_filename), frame.f_lineno, code.co_name, tasks_view.source_of(frame))
        else:
            place = ("", 0, "", "")
        self.log.cancels.append((actor.number, self._step))
        self.log.cancelled.append(Cancellation(actor.name, *place))
        if self.recorder is not None:
            self.recorder.cancelled(self.log.cancelled[-1])
        actor.cancelled_at = actor.steps
        task.cancel()

    def _give_up(self) -> None:
        me = scheduler.current()
        assert self.run is not None
        if not self.live:
            raise EnoughError
        self.run.fail(Kind.LIVELOCK, f"{self._steps} steps of the event loop", self._livelock())
        if me is not None:
            self.run.abort(me)

    def _livelock(self) -> str:
        parts = []
        for task in self.busy():
            frame = self.place_of(task)
            where = f" at line {frame.f_lineno} of {os.path.basename(frame.f_code.co_filename)}" if frame else ""
            times = task.cancelling()
            cancelled = f"; it was cancelled{f' {times} times' if times > 1 else ''} and goes on" if times else ""
            parts.append(f"{self.name_of(task)} runs again and again{where}{cancelled}")
        return ". ".join(parts[:2])

    def _holder_for(self, task: asyncio.Task[Any]) -> tasks_view.Holders:
        def holder(lock: object) -> tuple[str, int]:
            held = self.holders.get(holding.address(lock), [])
            if not held:
                return "", 0
            actor, line, _ = held[-1]
            if actor is self.actor(task):
                return f"{actor.name} (itself)", line
            lives = (taker := actor.task()) is not None and not taker.done()
            return actor.name + ("" if lives else " (which has ended)"), line

        return holder


def _function_of(task: asyncio.Task[Any]) -> str:
    body = task.get_coro()
    return str(getattr(body, "__qualname__", type(body).__name__)).rpartition(".")[2]
