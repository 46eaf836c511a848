"""Plays one schedule of a scenario with tasks, and says how it ended."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread as executors
import dataclasses
import gc
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from grader.explore import causes, explain, helpers, points, scheduler, tasks_view, tasks_world, world
from grader.explore.program import Program
from grader.explore.results import Kind, Wait
from grader.explore.scheduler import Abort, Limits, Run
from grader.explore.tasks_conductor import BLOCKED, SCENARIO, TaskConductor
from grader.explore.tasks_data import Complaint, EnoughError, Log, Plan, Recorder
from grader.explore.tasks_loop import ControlledLoop

ORIGIN = 8  # frames that a coroutine remembers of its creation, to find the student's line
POINTS, LOOPS = 200_000, 300_000  # switch points and rounds of loops, of a schedule
WIND_UP = 2_000  # steps for cancelling what is left at its end
Watch = Callable[[Any, FrameType], None]


@dataclass(frozen=True)
class Scene:
    """What is played again and again."""

    scenario: Callable[..., Any]
    program: Program
    args: Sequence[Any] = ()
    cancel: str | None = None
    steps: int = 5_000
    check_leaks: bool = True


@dataclass
class Ended:
    """How one schedule ended. `kind` is None if it simply returned `value`."""

    log: Log
    value: Any = None
    error: BaseException | None = None
    kind: Kind | None = None
    type: str = ""
    message: str = ""
    place: tuple[str, int] | None = None
    waits: tuple[Wait, ...] = ()
    deviations: list[tuple[int, int]] = field(default_factory=list)
    decisions: int = 0

    @property
    def signature(self) -> tuple[Any, ...]:
        """Equal for schedules that failed in the same way."""
        return self.kind, self.type, self.place


class Schedule(Run):
    """A run that notices when a task holds up its event loop, and switches threads only in the files under test.

    What executors and futures do in between has many more switch points, none of which shows anything of the program.
    """

    conductor: TaskConductor
    _in_traced_code = False

    def point(self, actor: scheduler.Actor, at_lock: bool = False) -> None:
        if len(self.actors) == 1 and not self.over and self.points < POINTS - 1:
            self.points += 1  # nobody else could run: the same as below, quickly
        elif self._in_traced_code or self.over:
            self._in_traced_code = False  # whoever is switched to comes from somewhere else
            super().point(actor, at_lock)

    def _at(self, frame: FrameType, what: int) -> None:
        self._in_traced_code = what == points.POINT
        super()._at(frame, what)

    def fail(self, kind: Kind, message: str, detail: Any) -> None:
        frame = tasks_view.calling(self.conductor.files) if kind is Kind.LIVELOCK and detail is None else None
        if frame is not None:
            detail = f"the loop at line {frame.f_lineno}: {tasks_view.source_of(frame)}"
        super().fail(kind, message, detail)

    def block(
        self, actor: scheduler.Actor, resource: object, deadline: float | None = None, condition: Any = None
    ) -> bool:
        conductor = self.conductor
        task = conductor.current() if conductor.live and actor is self.actors[0] else None
        if task is None:
            return super().block(actor, resource, deadline, condition)
        frame = tasks_view.calling(conductor.files)
        line = (os.path.basename(frame.f_code.co_filename), frame.f_lineno) if frame else ("", 0)
        began = self.now
        try:
            return super().block(actor, resource, deadline, condition)
        finally:
            seconds = self.now - began
            if frame is not None and seconds >= BLOCKED and not self.over:
                text = (
                    f"{conductor.name_of(task)} holds up the event loop for {seconds:.3g} s at line {line[1]}: "
                    f"{tasks_view.source_of(frame)}"
                )
                conductor.log.complaints.append(Complaint(Kind.EXCEPTION, "BlockingCall", text, line))


def play(scene: Scene, plan: Plan, recorder: Recorder | None = None) -> Ended:
    """Play one schedule. With a recorder also steps and lock holders are taken down, which takes longer."""
    conductor = TaskConductor(plan, scene.program.files, scene.cancel, scene.steps, recorder)
    watch = _Watch(conductor, recorder) if recorder is not None else None
    run = Schedule(plan.chooser, Limits(POINTS, LOOPS), watch=watch)
    run.conductor, conductor.run = conductor, run
    run.describe = lambda: _waits(conductor, run)
    ended = Ended(conductor.log)

    def main() -> None:
        sys.set_coroutine_origin_tracking_depth(ORIGIN)
        try:
            _perform(scene, conductor, ended)
        except Abort:
            raise
        except BaseException as error:
            ended.error = error

    def uncaught(args: Any) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, (Abort, SystemExit)):
            name = args.thread.name if args.thread else "a thread"
            run.fail(Kind.EXCEPTION, f"{explain.described(args.exc_value)} in {name}", args.exc_value)

    collecting = gc.isenabled()
    gc.disable()  # a collection in the middle would run finalizers at another point each time
    try:
        with world.controlled(uncaught), tasks_world.watched(conductor):
            thread = threading.Thread(target=main, name=SCENARIO)
            threading._main_thread = thread  # type: ignore[attr-defined]
            run.execute(lambda: helpers.start_actor(run, thread))
            scene.program.forget()
            if recorder is not None:
                recorder.forget()
            tasks_world.keep_for_ever(conductor)
            heard = len(conductor.log.complaints)
            gc.collect()  # what was dropped in a cycle complains now
            if run.failure is not None:
                del conductor.log.complaints[heard:]  # it was cut short, so nobody came to await the rest
    finally:
        if collecting:
            gc.enable()
    ended.deviations, ended.decisions = list(run.deviations), run.decisions
    _judge(ended, run, conductor)
    ended.error = None  # its traceback holds on to all that there was
    return ended


def _perform(scene: Scene, conductor: TaskConductor, ended: Ended) -> None:
    """In the loop's thread: the scenario, then what asyncio.run and the end of Python would do."""
    loop = conductor.loop = ControlledLoop(conductor)
    try:
        coroutine = scene.scenario(scene.program.fresh(), *scene.args)
        if not asyncio.iscoroutine(coroutine):
            raise TypeError(f"the scenario {scene.scenario!r} is no coroutine function")
        main = loop.create_task(coroutine, name=SCENARIO)
        del coroutine
        try:
            ended.value = loop.run_until_complete(main)
        except Abort:
            raise
        except BaseException as error:
            ended.error = error
        del main
        _wind_up(loop, conductor, scene.check_leaks and ended.error is None)
        _end_executors()
    finally:
        loop._closed = True  # close() would run callbacks of the executor


def _end_executors() -> None:
    """What Python does at its exit (`concurrent.futures.thread._python_exit`)."""
    executors._shutdown = True  # the world puts it back
    for thread, jobs in list(executors._threads_queues.items()):
        jobs.put(None)
        thread.join()


def _wind_up(loop: ControlledLoop, conductor: TaskConductor, check_leaks: bool) -> None:
    """Let everything end that needs no more time; what is still there is a leak, and is cancelled."""
    try:
        conductor.close()
        if loop._ready:
            loop.run_until_complete(_settle(loop))
        left = conductor.pending()
        if left and check_leaks:
            conductor.log.complaints.append(_leak(conductor, left))
        conductor.spend(WIND_UP)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        if len(loop._asyncgens):
            loop.run_until_complete(loop.shutdown_asyncgens())
    except EnoughError:
        pass  # some task does not end; the leak was noted above


async def _settle(loop: ControlledLoop) -> None:
    for _ in range(1000):
        await asyncio.sleep(0)
        if not loop._ready:
            return


def _leak(conductor: TaskConductor, left: list[asyncio.Task[Any]]) -> Complaint:
    parts, place = [], None
    for task in left[:3]:
        frame = conductor.place_of(task)
        where = ""
        if frame is not None:
            file = os.path.basename(frame.f_code.co_filename)
            place = place or (file, frame.f_lineno)
            where = f" at line {frame.f_lineno} of {file}: {tasks_view.source_of(frame)}"
        parts.append(f"task {conductor.name_of(task)} was still running when the scenario returned{where}")
    return Complaint(Kind.LEAK, "", "; ".join(parts), place)


def _judge(ended: Ended, run: Run, conductor: TaskConductor) -> None:
    """The first of: the engine's own findings, an exception of the scenario, what went wrong unseen."""
    complaints = conductor.log.complaints
    unawaited = [c for c in complaints if c.type == "NeverAwaited"]
    if run.failure is not None:
        kind, message, detail = run.failure
        ended.kind, ended.message = kind, message
        if kind is Kind.DEADLOCK:
            ended.waits = tuple(detail or ())
            ended.message = f"{conductor.stuck} stops the whole event loop: " if conductor.stuck else ""
            ended.message += _cause(ended.waits)
        elif kind is Kind.OUTSIDE_CONTROL and isinstance(detail, scheduler.Actor):
            ended.message = explain.outside_control(run, conductor.files).message
        elif kind is Kind.LIVELOCK:
            ended.message = f"no end after {message}" + (f": {detail}" if isinstance(detail, str) and detail else "")
        elif isinstance(detail, BaseException):
            ended.type, ended.place = type(detail).__name__, tasks_view.place_of(detail, conductor.files)
    elif ended.error is not None:
        error = _leaf(ended.error)
        ended.kind = Kind.RACE if isinstance(error, AssertionError) else Kind.EXCEPTION
        ended.type, ended.message = type(error).__name__, explain.described(error)
        ended.place = tasks_view.place_of(error, conductor.files)
    disturbed = ended.kind not in (None, Kind.RACE) or bool(conductor.log.cancelled)
    forgotten = [c for c in unawaited if c.certain or not disturbed]
    if forgotten:
        complaint = forgotten[0]
    elif ended.kind is None and (rest := [c for c in complaints if c not in unawaited]):
        complaint = min(rest, key=lambda c: (c.kind is Kind.LEAK, c.type == "BlockingCall"))
    else:
        return
    ended.kind, ended.type, ended.place = complaint.kind, complaint.type, complaint.place
    ended.message, ended.waits = complaint.message, ()


def _cause(waits: tuple[Wait, ...]) -> str:
    """The sentences for threads, said of tasks."""
    as_threads = [
        dataclasses.replace(
            wait,
            what=wait.what.replace("task to end", "thread to end"),
            source=wait.source.replace("async with", "with").replace("await ", ""),
        )
        for wait in waits
    ]
    return re.sub(r"\bthread(s?)\b", r"task\1", causes.of_deadlock(as_threads))


def _leaf(error: BaseException) -> BaseException:
    """Of a group, the most telling exception in it."""
    while isinstance(error, BaseExceptionGroup):
        error = next((e for e in error.exceptions if not isinstance(e, AssertionError)), error.exceptions[0])
    return error


def _waits(conductor: TaskConductor, run: Run) -> tuple[Wait, ...]:
    """Of tasks and threads. The loop's own thread counts as the task that blocks it, if one does."""
    current, waits = conductor.current(), list(conductor.waits())
    for wait in explain.waits_of(run):
        if wait.actor != SCENARIO:
            waits.append(wait)
        elif current is not None:
            waits.insert(0, dataclasses.replace(wait, actor=conductor.name_of(current)))
            conductor.stuck = conductor.name_of(current)
    return tuple(waits)


class _Watch:
    """Steps carry the names of tasks instead of that of the loop's thread."""

    def __init__(self, conductor: TaskConductor, recorder: Recorder) -> None:
        self._conductor, self._recorder = conductor, recorder

    def _who(self, actor: scheduler.Actor) -> Any:
        task = self._conductor.current() if actor.number == 0 else None
        return self._conductor.actor(task) if task is not None else actor

    def __call__(self, actor: scheduler.Actor, frame: FrameType) -> None:
        self._recorder(self._who(actor), frame)

    def waits(self, actor: scheduler.Actor, lock: object, frame: FrameType) -> None:
        self._recorder.waits(self._who(actor), lock, frame)

    def took(self, actor: scheduler.Actor, lock: object, frame: FrameType) -> None:
        self._recorder.took(self._who(actor), lock, frame)
