"""Why does it hang? Stacks of all threads, the tasks and the children, reduced to the student's frames."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import psutil

WAITING_FOR = {
    "threading.py:join": "waits for a thread to end",
    "threading.py:_wait_for_tstate_lock": "waits for a thread to end",
    "threading.py:wait": "waits for a signal (Condition, Event, Barrier or result)",
    "threading.py:_shutdown": "waits for a non-daemon thread to end",
    "queue.py:get": "waits for an item in a queue",
    "queue.py:join": "waits until every item of a queue is task_done()",
    "_base.py:result": "waits for the result of a future",
    "selectors.py:select": "waits for the network, a timer or another task",
    "connection.py:_recv": "waits for another process to send",
    "connection.py:wait": "waits for other processes",
    "popen_fork.py:poll": "waits for a process to end",
    "wire.py:_exactly": "waits inside a function that was passed in",
    "remote.py:__call__": "waits inside a function that was passed in",
}


def stacks_of(pid: int, file: Path, seconds: float = 0.7) -> dict[str, Any]:
    """Ask the process for its stacks by signal and read what it wrote.

    The first signal is answered by Python code in the main thread; when that thread is stuck inside C code, the second
    is answered by faulthandler, which needs nobody's help. Returns `{"threads": [...], "tasks": [...]}`.
    """
    if not hasattr(signal, "SIGUSR2"):
        return _from_faulthandler(file)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)  # the file is the only thing the stuck process can still tell
        for line in _lines(file):
            if line.startswith('{"threads"'):
                with contextlib.suppress(ValueError):
                    data: dict[str, Any] = json.loads(line)
                    return data
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
    time.sleep(0.1)
    return _from_faulthandler(file)


def _from_faulthandler(file: Path) -> dict[str, Any]:
    threads: list[dict[str, Any]] = []
    for line in _lines(file):
        if "thread 0x" in line.lower():
            threads.append({"name": "a thread", "frames": [], "last": ""})
        elif line.strip().startswith('File "') and threads:
            path, _, rest = line.strip()[6:].partition('", line ')
            number, _, function = rest.partition(" in ")
            base = os.path.basename(path)
            if not threads[-1]["last"]:
                threads[-1]["last"] = f"{base}:{function}"
            if Path(path).parent.name == "stage" and base != "scenarios.py":
                frame = [base, int(number) if number.isdigit() else 0, function, ""]
                threads[-1]["frames"].insert(0, frame)
    return {"threads": threads, "tasks": []}


def _lines(file: Path) -> list[str]:
    """What stands in the file, if it is one: where no cage is, a FIFO in its place would hold the judge for ever."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return []
    with open(handle, encoding="utf-8", errors="replace") as opened:
        return opened.read(1_000_000).splitlines() if stat.S_ISREG(os.fstat(handle).st_mode) else []


def describe(stacks: dict[str, Any]) -> list[str]:
    """At most four lines for a student: who stands where, and what that call waits for."""
    lines = []
    for task in stacks.get("tasks", []):
        if task.get("frames"):
            lines.append(f"task {task['name']} waits at {_place(task['frames'][-1])}")
    for thread in stacks.get("threads", []):
        if thread.get("frames"):
            doing = WAITING_FOR.get(thread.get("last", ""), "is")
            lines.append(f"{_name(thread['name'])} {doing} at {_place(thread['frames'][-1])}")
    if len(lines) > 4:
        lines = [*lines[:3], f"... and {len(lines) - 3} more"]
    return lines


def _name(name: str) -> str:
    return "the main thread" if name == "MainThread" else name


def _place(frame: list[Any]) -> str:
    file, line, function, source = frame
    return f"{file}:{line} in {function}()" + (f": {source}" if source else "")


def children(processes: list[psutil.Process]) -> list[str]:
    """One line per child process that is still alive."""
    lines = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            lines.append(f"child process {process.pid} ({process.status()})")
    return lines
