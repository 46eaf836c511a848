"""From a recorded schedule to words: who waits for whom, who holds what, where it went wrong."""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Collection
from types import FrameType

from grader.explore import causes, points
from grader.explore.holding import address
from grader.explore.primitives import Lock
from grader.explore.recording import Recorder, Taken, label
from grader.explore.results import Failure, Kind, Wait
from grader.explore.scheduler import Actor, Run

STANDARD_LIBRARY = sysconfig.get_path("stdlib") + os.sep
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
    taken = [(t.actor, address(t.lock), t.line if t.label else None) for t in recorder.taken]
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
    taken = {address(t.lock): t for t in run.watch.taken} if isinstance(run.watch, Recorder) else {}
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
        since = taken.get(address(actor.resource))
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
