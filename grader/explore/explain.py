"""From a recorded schedule to words: steps with source lines and variables, who waits for whom, who holds what."""

from __future__ import annotations

import ast
import collections
import inspect
import linecache
import os
import re
import sys
import sysconfig
import threading
import traceback
from collections.abc import Collection
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Protocol

from grader.explore import causes, holding, points
from grader.explore.primitives import Lock
from grader.explore.results import Failure, Kind, Step, Wait
from grader.explore.scheduler import Actor, Run

PLAIN = (bool, int, float, str, bytes, type(None))
STANDARD_LIBRARY = sysconfig.get_path("stdlib") + os.sep
MOST_STEPS = 400
UNNAMED = "a lock"
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


@dataclass(frozen=True)
class Taken:
    """A lock that was taken: by whom, which, at which traced line, its expression there, and the function."""

    actor: str
    lock: object
    line: int
    label: str
    frame: FrameType


class Named(Protocol):
    """An actor, or a task."""

    name: str


class Recorder:
    """Called at every point of a replay; keeps a step whenever the actor or the line changes.

    Lines that take a lock from a local variable have no point. They are steps only where asked for: the schedule of a
    deadlock would show nothing without them, and that of a race is clearer.
    """

    def __init__(self) -> None:
        self._steps: collections.deque[tuple[Step, bool]] = collections.deque(maxlen=2 * MOST_STEPS)  # False: no point
        self._last: tuple[Actor, FrameType, int] | None = None
        self.taken: list[Taken] = []
        self.holdings = holding.Holdings()

    def __call__(self, actor: Actor, frame: FrameType) -> None:
        here = (actor, frame, frame.f_lineno)
        if here == self._last:
            return
        self._last = here
        self._steps.append((self._step(actor, frame), True))

    def _step(self, actor: Named, frame: FrameType) -> Step:
        code, source = frame.f_code, linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if points.leaves_block(frame):
            source = f"end of: {source}"
        file, holds = os.path.basename(code.co_filename), self.holdings.of(actor)
        return Step(actor.name, file, frame.f_lineno, code.co_name, source, variables(frame), holds)

    def waits(self, actor: Named, lock: object, frame: FrameType) -> None:
        """It has to wait for the lock now, unless it asks again for what it gave up to wait for a condition."""
        if not holding.is_named_in(frame):
            return
        number = self._at_lock(actor, frame)
        step, has_point = self._steps[number]
        self._steps[number] = replace(step, waits=label(frame) or UNNAMED), has_point

    def took(self, actor: Actor, lock: object, frame: FrameType) -> None:
        name = label(frame)
        self.taken.append(Taken(actor.name, lock, frame.f_lineno, name, frame))
        self.holds(actor, lock, frame)

    def holds(self, actor: Named, lock: object, frame: FrameType) -> None:
        named = holding.is_named_in(frame)
        if named:
            self._at_lock(actor, frame)
        self.holdings.took(actor, lock, (label(frame) or UNNAMED) if named else "")

    def _at_lock(self, actor: Named, frame: FrameType) -> int:
        """The place of the actor's last step, which is at this line: if it had no point, it is added."""
        for number in range(len(self._steps) - 1, -1, -1):
            if self._steps[number][0].actor == actor.name:
                if self._steps[number][0].line == frame.f_lineno:
                    return number
                break
        self._steps.append((self._step(actor, frame), False))
        return len(self._steps) - 1

    def steps(self, at_locks: bool = False) -> tuple[Step, ...]:
        """The last ones: the fault is there. `at_locks`: also lines without a point that take a lock."""
        found: list[Step] = []
        last: dict[str, int] = {}  # where in `found`
        for step, has_point in self._steps:
            if has_point or at_locks:
                last[step.actor] = len(found)
                found.append(step)
            elif step.waits and step.actor in last:
                found[last[step.actor]] = replace(found[last[step.actor]], waits=step.waits)
        return tuple(found[-MOST_STEPS:])


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


def label(frame: FrameType) -> str:
    """The lock that the frame's current line takes, as written there, with the values of the variables in it.

    A local variable says little in `lock.acquire()`; what the function assigned to it says which lock it is.
    """
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = expression(linecache.getline(file, line).strip())
    known = variables(frame)
    if text.isidentifier() and text in frame.f_locals:
        text = _assigned(text, frame) or text
    named = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?!\w)", text))
    values = [f"{name}={known[name]}" for name in named if name in known]
    return f"{text} ({', '.join(values[:2])})" if values else text


def _assigned(name: str, frame: FrameType) -> str:
    """What the nearest `name = ...` above the current line of this function assigns; "" if it is none of few words."""
    for line in range(frame.f_lineno - 1, frame.f_code.co_firstlineno, -1):
        match = re.fullmatch(rf"{name}(?:: [^=]+)? = (.+)", linecache.getline(frame.f_code.co_filename, line).strip())
        if match:
            return match[1] if re.fullmatch(r"[\w.\[\]'\"]{1,60}", match[1]) else ""
    return ""


def expression(source: str) -> str:
    """The lock's expression in `with self.lock:`, `self.lock.acquire(timeout=1)` or `stack.enter_context(lock)`; or ""."""
    try:
        tree = ast.parse(source + (" pass" if source.endswith(":") else ""))
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            locks = [ast.unparse(item.context_expr) for item in node.items]
            return locks[0] if len(locks) == 1 else f"one of {', '.join(locks)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "acquire":
                return ast.unparse(node.func.value)
            if node.func.attr == "enter_context" and node.args:
                return ast.unparse(node.args[0])
    return ""


def described(error: BaseException) -> str:
    text = traceback.format_exception_only(error)[-1].strip()
    return text if len(text) <= 300 else text[:297] + "..."


def failure(run: Run, error: BaseException | None, recorder: Recorder, files: Collection[str]) -> Failure:
    """The failure of a finished run, in words. The waits were taken down before its actors were ended."""
    assert run.failure is not None
    kind, message, detail = run.failure
    steps, place = recorder.steps(at_locks=kind is Kind.DEADLOCK), None
    if error is not None:
        place = _place(error, files)
    waits = tuple(detail) if kind is Kind.DEADLOCK and detail else ()
    if kind is Kind.DEADLOCK:
        message = causes.of_deadlock(waits)
    if kind is Kind.LIVELOCK:
        message = f"no end after {message}"
    name = type(error).__name__ if error is not None else ""
    note = note_on(run, recorder) if kind in (Kind.RACE, Kind.EXCEPTION) and run.switches else ""
    foreign = error is not None and run.uncaught and _is_foreign(error, files)
    return Failure(kind, message, run.schedule, steps, waits, place, name, run.switches, note, foreign)


def note_on(run: Run, recorder: Recorder) -> str:
    """What the locks that were held say about a race."""
    taken = [(t.actor, holding.address(t.lock), t.line if t.label else None) for t in recorder.taken]
    return causes.of_race(taken, [a.name for a in run.actors[1:]])


def _is_foreign(error: BaseException, files: Collection[str]) -> bool:
    """Was it raised neither by the program nor by the standard library that it called?"""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code.co_filename not in files and not frame.f_code.co_filename.startswith(STANDARD_LIBRARY)


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
    """Who waits for whom, now: to be called while the actors are still blocked. Locks are named in recorded schedules."""
    taken = {holding.address(t.lock): t for t in run.watch.taken} if isinstance(run.watch, Recorder) else {}
    waits = [_wait(actor, taken) for actor in run.actors if not actor.done and not actor.ready]
    return tuple(wait for wait in waits if wait is not None)


def _wait(actor: Actor, taken: dict[int, Taken]) -> Wait | None:
    chain = _chain(sys._current_frames().get(actor.ident))
    mine = next((f for f in chain if points.is_traced(f.f_code)), None)
    if mine is None and isinstance(actor.resource, Actor):
        return None  # the scenario's own waiting for its threads
    what, holder, since = _what(chain, mine), "", None
    if isinstance(actor.resource, Lock) and not what:
        what, owner = "for a lock", actor.resource.holder
        since = taken.get(holding.address(actor.resource))
        if owner is not None:
            holder = _holder(owner, actor, since.frame if since else None, chain)
    elif isinstance(actor.resource, Actor):
        what, holder = "for a thread to end", actor.resource.name
    elif what == "at a barrier":
        holder = _missing(chain, actor.run)
    elif what == "for a thread to end":  # up to Python 3.12
        holder = next((a.name for a in actor.run.actors if a.sentinel is actor.resource), "")
    if mine is None:
        return Wait(actor.name, what or "for something", "", 0, "", "", holder)
    return Wait(
        actor.name,
        what or "for something",
        os.path.basename(mine.f_code.co_filename),
        mine.f_lineno,
        linecache.getline(mine.f_code.co_filename, mine.f_lineno).strip(),
        label(mine),
        holder,
        since.line if since else 0,
        since.label if since else "",
    )


def _missing(chain: list[FrameType], run: Run) -> str:
    """How many a barrier waits for, and who will never come."""
    barrier = next(f.f_locals.get("self") for f in chain if f.f_code.co_qualname == "Barrier.wait")
    if type(barrier) is not threading.Barrier:
        return ""
    ended = [actor.name for actor in run.actors[1:] if actor.done]
    gone = f", and {' and '.join(ended[:3])} {'has' if len(ended) == 1 else 'have'} ended" if ended else ""
    return f"{barrier.n_waiting} of {barrier.parties} have come{gone}"


def _holder(owner: Actor, waiting: Actor, taken: FrameType | None, chain: list[FrameType]) -> str:
    """The name of a lock's holder, and what else is to be said of it. `taken`: the function that took the lock."""
    if owner is not waiting:
        return owner.name + (causes.ENDED if owner.done else "")
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
