"""Inside the submission's process: on a signal, write down where every thread and task stands, and who holds which lock.

Children that were forked inherit this, so the judge can ask them as well.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import signal
import sys
import threading
import traceback
import types
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

MOST_CALLS = 12


def install(stage: Path, file: Path, seconds: float) -> None:
    """SIGUSR2 is answered by Python code; SIGUSR1 by faulthandler, which works when the main thread is stuck in C code."""
    out = open(file, "a", encoding="utf-8")  # noqa: SIM115 - stays open for the whole life
    if hasattr(signal, "SIGUSR2"):
        faulthandler.register(signal.SIGUSR1, file=out, all_threads=True)
        main = os.getpid()
        signal.signal(signal.SIGUSR2, lambda number, frame: _write(out, stage, frame, os.getpid() != main))
    else:
        faulthandler.dump_traceback_later(seconds, file=out)


def student_frames(stack: traceback.StackSummary, stage: Path) -> list[list[Any]]:
    """[file, line, function, source] of the frames in the student's files, outermost first."""
    mine = [f for f in stack if _is_mine(f.filename, stage)]
    return [[os.path.basename(f.filename), f.lineno or 0, f.name, f.line or ""] for f in mine[-20:]]


def _is_mine(filename: str, stage: Path) -> bool:
    return Path(filename).parent == stage and not filename.endswith("scenarios.py")


def _write(out: TextIO, stage: Path, interrupted: types.FrameType | None, child: bool) -> None:
    frames = dict(sys._current_frames())
    if interrupted is not None:
        frames[threading.get_ident()] = interrupted  # not this handler
    names = {t.ident: t.name for t in threading.enumerate()}
    threads = [_thread(names.get(ident, "?"), frame, stage) for ident, frame in frames.items()]
    data = {"threads": threads, "tasks": list(_tasks(stage)), "child": child, "waits": []}
    try:
        from grader.sandbox import owners

        named = {names.get(ident, "?"): frame for ident, frame in frames.items()}
        data["waits"] = [asdict(w) for w in owners.waits(named, lambda f: _is_mine(f.f_code.co_filename, stage))]
    except Exception as error:  # what else is known must still be told
        data["owners"] = repr(error)
    os.write(out.fileno(), ("\n" + json.dumps(data) + "\n").encode())


def _thread(name: str, frame: types.FrameType, stage: Path) -> dict[str, Any]:
    stack = traceback.extract_stack(frame)
    inner = 0  # where the student's innermost frame ends
    for number, entry in enumerate(stack, 1):
        if _is_mine(entry.filename, stage):
            inner = number
    calls = [f"{os.path.basename(entry.filename)}:{entry.name}" for entry in stack[inner:]]
    return {"name": name, "frames": student_frames(stack, stage), "calls": calls[:MOST_CALLS]}


def _tasks(stage: Path) -> Iterator[dict[str, Any]]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        summary = traceback.StackSummary.extract((f, f.f_lineno) for f in _await_chain(task))
        yield {"name": task.get_name(), "frames": student_frames(summary, stage)}


def _await_chain(task: asyncio.Task[Any]) -> list[types.FrameType]:
    """The frames of a suspended task, outermost first: `Task.get_stack` shows only the first."""
    frames: list[types.FrameType] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(frames) < 50:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            break
        frames.append(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return frames
