"""From a recorded schedule to words: steps with source lines and variables, who waits for whom, who holds what."""

from __future__ import annotations

import collections
import inspect
import linecache
import os
import sys
import traceback
from collections.abc import Collection
from types import FrameType
from typing import Any

from grader.explore import causes, points
from grader.explore.primitives import Lock
from grader.explore.results import Failure, Kind, Step, Wait
from grader.explore.scheduler import Actor, Run

PLAIN = (bool, int, float, str, bytes, type(None))
MOST_STEPS = 400
# What a thread waits for, by the standard library's function that the student's line called.
WAITS = {
    "Condition.wait": "to be notified", "Condition.wait_for": "to be notified", "Event.wait": "for an event to be set",
    "Semaphore.acquire": "for a semaphore", "Semaphore.__enter__": "for a semaphore", "Barrier.wait": "at a barrier",
    "Thread.join": "for a thread to end", "Queue.get": "for an item in a queue", "Queue.put": "for room in a queue",
    "Queue.join": "for task_done() of every item", "_PySimpleQueue.get": "for an item in a queue",
    "Future.result": "for the result of a future", "Future.exception": "for the result of a future",
    "ThreadPoolExecutor.shutdown": "for the executor's workers to end", "Executor.__exit__": "for the executor's workers to end",
    "Thread.start": "for a new thread to begin", "sleep": "for time to pass", "wait": "for futures", "as_completed": "for futures",
}  # fmt: skip


class Recorder:
    """Called at every point of a replay; keeps a step whenever the actor or the line changes."""

    def __init__(self) -> None:
        self._steps: collections.deque[Step] = collections.deque(maxlen=MOST_STEPS)  # the last ones: the fault is there
        self._last: tuple[Actor, FrameType, int] | None = None

    def __call__(self, actor: Actor, frame: FrameType) -> None:
        here = (actor, frame, frame.f_lineno)
        if here == self._last or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return  # the same stretch, or the body of a module or class
        self._last = here
        file, line = frame.f_code.co_filename, frame.f_lineno
        source = linecache.getline(file, line).strip()
        if points.leaves_block(frame):
            source = f"end of: {source}"
        step = Step(actor.name, os.path.basename(file), line, frame.f_code.co_name, source, variables(frame))
        self._steps.append(step)

    def steps(self) -> tuple[Step, ...]:
        return tuple(self._steps)


def variables(frame: FrameType) -> dict[str, str]:
    """Simple local variables and simple attributes of `self`. Never calls code of the objects."""
    found = {}
    values = dict(frame.f_locals)
    for name, value in values.items():
        if (text := simple(value)) is not None and not name.startswith("."):
            found[name] = text
    own = values.get("self")
    attributes = getattr(type(own), "__dict__", {}) and _attributes(own)
    for name, value in attributes.items():
        if (text := simple(value)) is not None:
            found[f"self.{name}"] = text
    return found


def _attributes(own: object) -> dict[str, Any]:
    try:
        found = object.__getattribute__(own, "__dict__")
    except AttributeError:
        return {}
    return dict(found) if type(found) is dict else {}


def simple(value: Any, deep: bool = True) -> str | None:
    """The `repr` of plain data, shortened; None for anything else."""
    if type(value) in PLAIN:
        text = repr(value)
    elif deep and type(value) in (list, tuple, set) and len(value) <= 6:
        parts = [simple(v, False) for v in value]
        if None in parts:
            return None
        text = ", ".join(str(p) for p in parts)
        text = f"[{text}]" if type(value) is list else f"({text})" if type(value) is tuple else f"{{{text}}}"
    elif deep and type(value) is dict and len(value) <= 6:
        pairs = [(simple(k, False), simple(v, False)) for k, v in value.items()]
        if any(k is None or v is None for k, v in pairs):
            return None
        text = "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    else:
        return None
    return text if len(text) <= 60 else text[:57] + "..."


def described(error: BaseException) -> str:
    text = traceback.format_exception_only(error)[-1].strip()
    return text if len(text) <= 300 else text[:297] + "..."


def failure(run: Run, error: BaseException | None, recorder: Recorder, files: Collection[str]) -> Failure:
    """The failure of a finished run, in words. The waits were taken down before its actors were ended."""
    assert run.failure is not None
    kind, message, detail = run.failure
    steps, place = recorder.steps(), None
    if error is not None:
        place = _place(error, files)
    waits = tuple(detail) if kind is Kind.DEADLOCK and detail else ()
    if kind is Kind.DEADLOCK:
        message = causes.of_deadlock(waits)
    if kind is Kind.LIVELOCK:
        message = f"no end after {message}"
    name = type(error).__name__ if error is not None else ""
    note = causes.of_race(run) if kind in (Kind.RACE, Kind.EXCEPTION) and run.switches else ""
    return Failure(kind, message, run.schedule, steps, waits, place, name, run.switches, note)


def _place(error: BaseException, files: Collection[str]) -> tuple[str, int] | None:
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_code.co_filename in files:
            return os.path.basename(frame.f_code.co_filename), line
    return None


def outside_control(run: Run, files: Collection[str]) -> Failure:
    """A thread is blocked in something real, or computes for too long without a point."""
    stuck = run.failure[2] if run.failure else None
    where = ""
    if isinstance(stuck, Actor):
        frame = _student_frame(sys._current_frames().get(stuck.ident), files)
        if frame is not None:
            source = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            where = f" at line {frame.f_lineno}: {source}"
    name = stuck.name if isinstance(stuck, Actor) else "a thread"
    text = f"{name} did not go on for seconds{where}: real input or output, or a long computation"
    return Failure(Kind.OUTSIDE_CONTROL, text, run.schedule)


def waits_of(run: Run) -> tuple[Wait, ...]:
    """Who waits for whom, now: to be called while the actors are still blocked."""
    frames = sys._current_frames()
    waits = []
    for actor in run.actors:
        if actor.done or actor.ready:
            continue
        frame = frames.get(actor.ident)
        chain = _chain(frame)
        mine = next((f for f in chain if points.is_traced(f.f_code)), None)
        what = _what(chain, mine)
        holder, held_at = "", 0
        if isinstance(actor.resource, Lock) and what == "":
            what = "for a lock"
            if actor.resource.holder is not None:
                holder, held_at = _holder(actor.resource, actor, chain), actor.resource.taken_at
        elif isinstance(actor.resource, Actor):
            what, holder = "for a thread to end", actor.resource.name
        elif what == "for a thread to end":  # up to Python 3.12
            holder = next((a.name for a in run.actors if a.sentinel is actor.resource), "")
        file, line, source, state = "", 0, "", {}
        if mine is not None:
            file, line = os.path.basename(mine.f_code.co_filename), mine.f_lineno
            source = linecache.getline(mine.f_code.co_filename, line).strip()
            state = variables(mine)
        if mine is not None or not isinstance(actor.resource, Actor):  # not the scenario's own waiting for its threads
            waits.append(Wait(actor.name, what or "for something", file, line, source, holder, held_at, state))
    return tuple(waits)


def _holder(lock: Lock, waiting: Actor, chain: list[FrameType]) -> str:
    """The name of the lock's holder, and what else is to be said of it."""
    assert lock.holder is not None
    if lock.holder is not waiting:
        return lock.holder.name + (causes.ENDED if lock.holder.done else "")
    taken = lock.taken_in
    # A generator may be a context manager's, and its block still be running.
    left = taken is not None and taken not in chain and not taken.f_code.co_flags & inspect.CO_GENERATOR
    return waiting.name + (causes.LEFT if left else causes.ITSELF)


def _chain(frame: FrameType | None) -> list[FrameType]:
    chain: list[FrameType] = []
    while frame is not None and len(chain) < 60:
        chain.append(frame)
        frame = frame.f_back
    return chain


def _student_frame(frame: FrameType | None, files: Collection[str]) -> FrameType | None:
    return next((f for f in _chain(frame) if f.f_code.co_filename in files), None)


def _what(chain: list[FrameType], mine: FrameType | None) -> str:
    """The outermost function of the standard library between the student's line and the lock."""
    inner = chain[: chain.index(mine)] if mine is not None else chain
    for frame in reversed(inner):
        if frame.f_code.co_qualname in WAITS:
            return WAITS[frame.f_code.co_qualname]
    return ""
