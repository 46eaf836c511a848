"""Looking at suspended tasks: where they stand in the files under test, what they wait for, who holds it."""

from __future__ import annotations

import asyncio
import gc
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import Any

from grader.explore import recording
from grader.explore.results import Wait

ASYNCIO = os.path.dirname(asyncio.__file__) + os.sep
# Awaitables that hide the object they drive; only the garbage collector can see it.
WRAPPERS = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper"})
# What a task waits for, by the function of asyncio in which it is suspended.
WAITS = {
    "Lock.acquire": "for a lock", "Semaphore.acquire": "for a semaphore", "Event.wait": "for an event to be set",
    "Condition.wait": "to be notified", "Queue.get": "for an item in a queue", "Queue.put": "for room in a queue",
    "Queue.join": "for task_done() of every item", "Barrier.wait": "at a barrier", "sleep": "for time to pass",
    "StreamReader._wait_for_data": "for data of a stream", "TaskGroup.__aexit__": "for the tasks of a group",
    "TaskGroup._aexit": "for the tasks of a group", "_wait": "for tasks to end", "wait_for": "for a task to end",
}  # fmt: skip
TASKS = "for a task to end"
FUTURE = "for a future that nobody completes"
Named = Callable[["asyncio.Future[Any]"], str]  # the name of a task; "" for anything else
Holders = Callable[[object], tuple[str, int]]  # of a lock: who took it, at which line


def frames_of(task: asyncio.Task[Any]) -> list[FrameType]:
    """The frames of a suspended task, outermost first, also through asynchronous generators and context managers."""
    frames: list[FrameType] = []
    awaited: Any = task.get_coro()
    for _ in range(100):
        frame = _first(awaited, "cr_frame", "gi_frame", "ag_frame")
        if frame is not None:
            frames.append(frame)
            awaited = _first(awaited, "cr_await", "gi_yieldfrom", "ag_await")
        elif type(awaited).__name__ in WRAPPERS:
            awaited = next((inner for inner in gc.get_referents(awaited) if _drives(inner)), None)
        else:
            break
    return frames


def _first(thing: object, *names: str) -> Any:
    return next((value for name in names if (value := getattr(thing, name, None)) is not None), None)


def _drives(thing: object) -> bool:
    return hasattr(thing, "cr_frame") or hasattr(thing, "ag_frame") or type(thing).__name__ in WRAPPERS


def innermost(frames: Collection[FrameType], files: Collection[str]) -> FrameType | None:
    """The innermost frame in the files under test, else the innermost one outside the standard library's asyncio."""
    found = other = None
    for frame in frames:
        name = frame.f_code.co_filename
        if name in files:
            found = frame
        elif not name.startswith(ASYNCIO) and not name.endswith("contextlib.py"):
            other = frame
    return found or other


def stack(frame: FrameType | None) -> Iterator[FrameType]:
    """A running frame and its callers, innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def calling(files: Collection[str]) -> FrameType | None:
    """The innermost frame of the calling thread that is in the files under test."""
    return next((frame for frame in stack(sys._getframe(1)) if frame.f_code.co_filename in files), None)


def place_of(error: BaseException, files: Collection[str]) -> tuple[str, int] | None:
    """File name and line of the innermost frame of a traceback that is in the files under test."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_code.co_filename in files:
            return os.path.basename(frame.f_code.co_filename), line
    return None


def source_of(frame: FrameType) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


def wait_of(task: asyncio.Task[Any], name: str, files: Collection[str], named: Named, holders: Holders) -> Wait:
    """What a suspended task waits for, and the line of the files under test where it does."""
    frames = frames_of(task)
    mine = innermost(frames, files)
    what, holder, held_at = _what(task, frames, named, holders)
    if mine is None:
        return Wait(name, what, "", 0, "", holder=holder, holder_line=held_at)
    file = os.path.basename(mine.f_code.co_filename)
    held = recording.expression(linecache.getline(mine.f_code.co_filename, held_at).strip()) if held_at else ""
    return Wait(name, what, file, mine.f_lineno, source_of(mine), recording.label(mine), holder, held_at, held)


def _what(task: asyncio.Task[Any], frames: list[FrameType], named: Named, holders: Holders) -> tuple[str, str, int]:
    for frame in reversed(frames):
        code = frame.f_code
        if not code.co_filename.startswith(ASYNCIO) or code.co_qualname not in WAITS:
            continue
        what, local = WAITS[code.co_qualname], frame.f_locals
        if what in ("for a lock", "for a semaphore"):
            return what, *holders(local["self"])
        children = local.get("fs") or [local.get("fut")]
        if what == "for the tasks of a group":
            children = local["self"]._tasks
        return what, _names(children, named), 0
    awaited = getattr(task, "_fut_waiter", None)
    if names := _names(getattr(awaited, "_children", None) or [awaited], named):
        return TASKS, names, 0
    return FUTURE, "", 0


def _names(futures: Collection[Any], named: Named) -> str:
    pending = [f for f in futures if asyncio.isfuture(f) and not f.done()]
    return ", ".join(sorted(filter(None, map(named, pending))))
