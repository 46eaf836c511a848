"""Starts submission processes: forked from a warm parent where the platform can, else each from a cold Python."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from grader.sandbox import cage
from grader.sandbox.processes import below, end_all, end_group, lives, names_in_shared_memory, used_below
from grader.sandbox.warm import RUN, WarmLauncher
from grader.timeline import Use

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT", "TZ", "COVERAGE_PROCESS_START")


class Launcher(Protocol):
    """`level` is the isolation it gives, as named in the report.

    `folder` is where the folders of submissions must lie, `user` whom they must let in; None: anywhere, nobody else.
    `in_place`: submissions see the student's own file instead of a copy, so that a debugger finds its breakpoints.
    `forgets`: nothing of one submission's is left for the next one's, so that several people's may share it.
    """

    level: str
    folder: Path | None
    user: int | None
    in_place: bool
    forgets: bool

    def start(self, config: dict[str, Any]) -> int:
        """The number of the new process, for `wait` and `end`."""
        ...

    def pid_of(self, number: int, sock: socket.socket) -> int:
        """The pid, as the judge sees it, of the process with this number that connected `sock`."""
        ...

    def wait(self, number: int, seconds: float) -> int | None:
        """Its exit code, None if it has not ended."""
        ...

    def listener(self, port: int) -> socket.socket | None:
        """A socket that listens on this port of the submission's own loopback; None where it shares the judge's."""
        ...

    def uses(self, number: int) -> dict[int, Use]:
        """What each living process of the submission uses, by pid."""
        ...

    def descendants(self, pid: int) -> list[psutil.Process]:
        """The living processes of the submission but the one with this pid."""
        ...

    def shared_memory(self) -> list[str]:
        """Names in /dev/shm, as the submission sees it."""
        ...

    def end(self, number: int) -> None:
        """End all processes of the submission. Never raises."""
        ...

    def close(self) -> None: ...


def launcher(preload: Sequence[str], isolation: str | None = None, hidden: Path | None = None) -> Launcher:
    """The launcher of that isolation level (None: as GRADER_ISOLATION says, else the best one of this machine).

    `hidden`: a folder that submissions must not see, wherever it lies: the checkout.
    """
    if debugging():
        return DebugLauncher()
    level = cage.resolve(isolation, tested=RUN in os.environ)  # whoever started this judge has tested it
    if level == cage.PROCESS or os.environ.get("GRADER_LAUNCH") == "cold":
        return ColdLauncher()
    return WarmLauncher(preload, level, clean_environment(), hidden)


def debugging() -> bool:
    """`grader check --debug` asked for one process, so that breakpoints work."""
    return os.environ.get("GRADER_LAUNCH") == "debug"


def clean_environment() -> dict[str, str]:
    """Nothing of the judge's environment that could be a secret; the same hashes every time, so that a schedule of the
    report can be replayed; and one thread for numpy's libraries, so that forks are safe.
    """
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0", **ONE_THREAD}


class ColdLauncher:
    level = cage.PROCESS
    folder: Path | None = None
    user: int | None = None
    in_place = False
    forgets = True  # each starts from a cold Python

    def __init__(self) -> None:
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, config: dict[str, Any]) -> int:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grader.sandbox.child", json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**clean_environment(), **config["environment"]},
            start_new_session=True,
        )
        self._started[process.pid] = process
        return process.pid

    def pid_of(self, number: int, sock: socket.socket) -> int:
        return number

    def wait(self, number: int, seconds: float) -> int | None:
        try:
            return self._started[number].wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def listener(self, port: int) -> socket.socket | None:
        return None

    def uses(self, number: int) -> dict[int, Use]:
        return {number: Use(0), **used_below(number)}

    def descendants(self, pid: int) -> list[psutil.Process]:
        return below(pid)

    def shared_memory(self) -> list[str]:
        return names_in_shared_memory()

    def end(self, number: int) -> None:
        rest = below(number)
        end_group(number)
        end_all(lambda: [process for process in rest if lives(process)])
        self._started[number].wait()

    def close(self) -> None:
        for number in self._started:
            self.end(number)


class DebugLauncher:
    """No process at all: the submission runs in a thread of the judge, for breakpoints. Nothing is limited or watched."""

    level = "none (debug)"
    folder: Path | None = None
    user: int | None = None
    in_place = True
    forgets = False

    def start(self, config: dict[str, Any]) -> int:
        from grader.sandbox.child import Child

        inside = Child({**config, "debug": True})
        threading.Thread(target=inside.run, name="submission", daemon=True).start()
        return 0

    def pid_of(self, number: int, sock: socket.socket) -> int:
        return 0

    def wait(self, number: int, seconds: float) -> int | None:
        return None

    def listener(self, port: int) -> socket.socket | None:
        return None

    def uses(self, number: int) -> dict[int, Use]:
        return {}

    def descendants(self, pid: int) -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)

    def shared_memory(self) -> list[str]:
        return names_in_shared_memory()

    def end(self, number: int) -> None:
        pass

    def close(self) -> None:
        pass
