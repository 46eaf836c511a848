"""Around a schedule of tasks: controlled loops in place of real ones, and ears for what Python only warns of."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from grader.explore import holding, scheduler, tasks_view
from grader.explore.results import Kind
from grader.explore.tasks_conductor import TaskConductor
from grader.explore.tasks_data import Complaint, Recorder, TaskActor
from grader.explore.tasks_loop import ControlledLoop

UNAWAITED = "_warn_unawaited_coroutine"  # Python calls it when a coroutine is dropped that nobody awaited


def keep_for_ever(conductor: TaskConductor) -> None:
    """Tasks that did not end must not be finalized: one that swallows every exception would never come back."""
    main = conductor.main.task() if conductor.main is not None else None
    for task in [*conductor.pending(), main]:
        if task is not None and not task.done():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))


@contextlib.contextmanager
def watched(conductor: TaskConductor) -> Iterator[None]:
    """Loops made here are controlled ones, and what Python only warns of is noted. In a replay also who holds which lock."""
    real_loop = asyncio.new_event_loop
    # Python 3.14 keeps the function in a module of its own.
    hearing = [m for m in (warnings, sys.modules.get("_py_warnings")) if hasattr(m, UNAWAITED)]

    def new_event_loop() -> asyncio.AbstractEventLoop:
        return ControlledLoop() if scheduler.current() is not None else real_loop()

    def unawaited(coroutine: Any) -> None:
        conductor.log.complaints.append(_unawaited(coroutine, conductor))

    changes: list[tuple[Any, str, Any]] = [
        (asyncio, "new_event_loop", new_event_loop),
        (asyncio.events, "new_event_loop", new_event_loop),
        (sys, "unraisablehook", lambda unraisable: None),
        *((module, UNAWAITED, unawaited) for module in hearing),
    ]
    if conductor.recorder is not None:
        for lock in (asyncio.Lock, asyncio.Semaphore):
            changes += [(lock, name, new) for name, new in _holding(lock, conductor, conductor.recorder).items()]
    kept = [(where, name, where.__dict__[name]) for where, name, _ in changes]
    for where, name, new in changes:
        setattr(where, name, new)
    try:
        yield
    finally:
        for where, name, old in kept:
            setattr(where, name, old)


def _holding(lock: Any, conductor: TaskConductor, recorder: Recorder) -> dict[str, Any]:
    """`acquire` and `release` that take down who waits for the lock, and who holds it since which line."""
    acquire, release = lock.acquire, lock.release

    async def acquire_and_note(self: Any) -> Any:
        actor, line = _taker(conductor)
        if actor is not None and _must_wait(self):
            _tell(recorder.waits, actor, self, conductor)
        taken = await acquire(self)
        if actor is not None:
            conductor.holders.setdefault(holding.address(self), []).append((actor, line, self))
            _tell(recorder.holds, actor, self, conductor)
        return taken

    def release_and_note(self: Any) -> None:
        release(self)
        task, held = conductor.current(), conductor.holders.get(holding.address(self), [])
        actor = conductor.actor(task) if task is not None else None
        mine = next((entry for entry in held if entry[0] is actor), held[0] if held else None)
        if mine is not None:
            held.remove(mine)
            recorder.holdings.gave_back(mine[0], self)

    return {"acquire": acquire_and_note, "release": release_and_note}


def _taker(conductor: TaskConductor) -> tuple[TaskActor | None, int]:
    """The task that is running, and its line. A coroutine that kept the task itself would keep a forgotten one alive."""
    task, frame = conductor.current(), tasks_view.calling(conductor.files)
    return conductor.actor(task) if task is not None else None, frame.f_lineno if frame else 0


def _tell(
    what: Callable[[TaskActor, object, FrameType], None], actor: TaskActor, lock: object, conductor: TaskConductor
) -> None:
    if (frame := tasks_view.calling(conductor.files)) is not None:
        what(actor, lock, frame)


def _must_wait(lock: Any) -> bool:
    """Also when it is free, but others were there before."""
    waiters = getattr(lock, "_waiters", None)
    return bool(lock.locked() or any(not waiter.cancelled() for waiter in waiters or ()))


def _unawaited(coroutine: Any, conductor: TaskConductor) -> Complaint:
    """A coroutine that was made and never awaited. Certain if it was dropped on the line that made it."""
    name = getattr(coroutine, "__qualname__", "?").rpartition(".<locals>.")[2]
    origin = list(getattr(coroutine, "cr_origin", None) or [])
    made = next((entry for entry in origin if entry[0] in conductor.files), origin[0] if origin else None)
    where, place = "", None
    if made is not None:
        place = (os.path.basename(made[0]), made[1])
        where = f" (made at line {made[1]} of {place[0]})"
    dropped = (
        any((f.f_code.co_filename, f.f_lineno) == made[:2] for f in tasks_view.stack(sys._getframe(1)))
        if made
        else False
    )
    return Complaint(Kind.EXCEPTION, "NeverAwaited", f"coroutine {name}() was never awaited{where}", place, dropped)
