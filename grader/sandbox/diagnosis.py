"""Why does it hang? Stacks of all threads, the tasks and the children, reduced to the student's frames."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from grader.explore import causes
from grader.explore.results import Wait

# What a thread waits for, by the first of these calls that its own code made.
WAITING_FOR = {
    "threading.py:join": "waits for a thread to end",
    "threading.py:_wait_for_tstate_lock": "waits for a thread to end",
    "_base.py:result": "waits for the result of a future",
    "_base.py:wait": "waits for futures",
    "_base.py:as_completed": "waits for futures",
    "thread.py:shutdown": "waits for the executor's workers to end",
    "queues.py:get": "waits for an item in a queue of processes",
    "queues.py:put": "waits for room in a queue of processes",
    "queues.py:_finalize_join": "cannot end before what it put into a queue of processes is taken out",
    "process.py:join": "waits for a process to end",
    "threading.py:wait": "waits for a signal (Condition, Event, Barrier or Semaphore)",
    "threading.py:_shutdown": "waits for a non-daemon thread to end",
    "queue.py:get": "waits for an item in a queue",
    "queue.py:join": "waits until every item of a queue is task_done()",
    "selectors.py:select": "waits for the network, a timer or another task",
    "connection.py:_recv": "waits for another process to send",
    "connection.py:wait": "waits for other processes",
    "popen_fork.py:poll": "waits for a process to end",
    "wire.py:_exactly": "waits inside a function that was passed in",
    "remote.py:__call__": "waits inside a function that was passed in",
}

LINE = re.compile("[0-9]{1,9}")


def stacks_of(pid: int, file: Path, children: Sequence[int] = (), seconds: float = 0.7) -> dict[str, Any]:
    """Ask the process, and its children that would answer, for their stacks by signal, and read what they wrote.

    The first signal is answered by Python code in the main thread; when that thread is stuck inside C code, the second
    is answered by faulthandler, which needs nobody's help. Returns threads, tasks, waits (who waits for whose lock) and
    children (one line each). What is read here was written by a process that is not trusted.
    """
    if not hasattr(signal, "SIGUSR2"):
        return _from_faulthandler(file)
    asked = [child for child in children if _would_answer(child)]
    for number in (pid, *asked):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGUSR2)
    end = time.monotonic() + seconds
    answers: list[dict[str, Any]] = []
    while time.monotonic() < end and len(answers) <= len(asked):
        time.sleep(0.01)  # the file is the only thing the stuck process can still tell
        answers = [a for line in _lines(file) if (a := _answer(line)) is not None]
    own = next((a for a in answers if not a["child"]), None)
    if own is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)
        end = time.monotonic() + seconds
        before: list[str] = []
        while time.monotonic() < end and (not before or before != _lines(file)):
            before = _lines(file)
            time.sleep(0.02)  # until nothing more is written, which takes its time on a busy machine
        own = _from_faulthandler(file)
    mains = [a["threads"] for a in answers if a["child"]]
    own["children"] = [f"child process {_doing(t)}" for threads in mains for t in threads if t["name"] == "MainThread"]
    return own


def _would_answer(pid: int) -> bool:
    """Has this child inherited the handler? Any other would be ended by the signal. Linux only; elsewhere: no."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        return bool(caught >> (signal.SIGUSR2 - 1) & 1)
    return False


def _answer(line: str) -> dict[str, Any] | None:
    """One line of the file, if it has the right form; only what has it is kept."""
    if not line.startswith('{"threads"'):
        return None
    try:
        data = json.loads(line)
        return {
            "threads": [_thread(t) for t in data["threads"][:100]],
            "tasks": [_thread(t) for t in data["tasks"][:100]],
            "waits": [_wait(w) for w in data["waits"][:100]],
            "child": bool(data["child"]),
        }
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _thread(data: dict[str, Any]) -> dict[str, Any]:
    frames = [
        [str(f[0])[:200], int(f[1]), str(f[2])[:200], str(f[3])[:200]] for f in data["frames"][-50:] if len(f) == 4
    ]
    return {
        "name": str(data["name"])[:80],
        "frames": frames,
        "calls": [str(c)[:200] for c in data.get("calls", [])[:50]],
    }


def _wait(data: dict[str, Any]) -> dict[str, Any]:
    texts = {
        name: str(data[name])[:200] for name in ("actor", "what", "file", "source", "label", "holder", "holder_label")
    }
    return {**texts, "line": int(data["line"]), "holder_line": int(data["holder_line"])}


def _from_faulthandler(file: Path) -> dict[str, Any]:
    threads: list[dict[str, Any]] = []
    for line in _lines(file):
        if "thread 0x" in line.lower():
            threads.append({"name": "a thread", "frames": [], "calls": []})
        elif line.strip().startswith('File "') and threads:
            path, _, rest = line.strip()[6:].partition('", line ')
            number, _, function = rest.partition(" in ")
            base = os.path.basename(path)
            if not threads[-1]["frames"]:
                threads[-1]["calls"].insert(0, f"{base}:{function}")
            if Path(path).parent.name == "stage" and base != "scenarios.py":
                if not threads[-1]["frames"]:
                    threads[-1]["calls"].pop(0)
                frame = [base, int(number) if LINE.fullmatch(number) else 0, function, ""]
                threads[-1]["frames"].insert(0, frame)
    return {"threads": threads, "tasks": [], "waits": [], "child": False}


def _lines(file: Path) -> list[str]:
    """What stands in the file, if it is one: where no cage is, a FIFO in its place would hold the judge for ever."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return []
    with open(handle, encoding="utf-8", errors="replace") as opened:
        return opened.read(1_000_000).splitlines() if stat.S_ISREG(os.fstat(handle).st_mode) else []


def describe(stacks: dict[str, Any]) -> list[str]:
    """At most four lines for a student: who holds what, who stands where, and what that call waits for."""
    waits = [Wait(**w) for w in stacks.get("waits", [])]
    lines = _starved(stacks) + ([causes.of_deadlock(waits)] if waits else [])
    told = {w.actor for w in waits} if waits else set()
    for task in stacks.get("tasks", []):
        if task.get("frames"):
            lines.append(f"task {task['name']} waits at {_place(task['frames'][-1])}")
    for thread in stacks.get("threads", []):
        if thread.get("frames") and thread["name"] not in told:
            lines.append(f"{_name(thread['name'])} {_doing(thread)}")
    lines += stacks.get("children", [])
    if len(lines) > 4:
        lines = [*lines[:3], f"... and {len(lines) - 3} more"]
    return lines


def _doing(thread: dict[str, Any]) -> str:
    doing = next((WAITING_FOR[call] for call in thread.get("calls", []) if call in WAITING_FOR), "is")
    return f"{doing} at {_place(thread['frames'][-1])}" if thread["frames"] else doing


def _starved(stacks: dict[str, Any]) -> list[str]:
    """Every worker of an executor waits for a future: whose job can only be run by a worker."""
    workers = [t for t in stacks.get("threads", []) if t["name"].startswith("ThreadPoolExecutor") and t["frames"]]
    if workers and all("_base.py:result" in t.get("calls", []) for t in workers):
        lines = ", ".join(sorted({str(t["frames"][-1][1]) for t in workers}))
        return [f"Every worker of the pool waits for the result of a job that itself needs a worker (line {lines})."]
    return []


def _name(name: str) -> str:
    return "the main thread" if name == "MainThread" else name


def _place(frame: list[Any]) -> str:
    file, line, function, source = frame
    return f"{file}:{line} in {function}()" + (f": {source}" if source else "")


def alive(processes: list[psutil.Process]) -> list[str]:
    """One line per child process that is still alive."""
    lines = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            lines.append(f"child process {process.pid} ({process.status()})")
    return lines
