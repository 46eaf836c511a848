"""Starts submission processes: forked from a warm parent where the platform can, else each from a cold Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import psutil

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT", "TZ", "COVERAGE_PROCESS_START")


class Launcher(Protocol):
    """`level` is the isolation it gives, as named in the report."""

    level: str

    def start(self, config: dict[str, Any]) -> int: ...
    def wait(self, pid: int, seconds: float) -> int | None: ...
    def descendants(self, pid: int) -> list[psutil.Process]: ...
    def close(self) -> None: ...


def launcher(preload: Sequence[str]) -> Launcher:
    """The best launcher of this platform."""
    if debugging():
        return DebugLauncher()
    if hasattr(os, "fork") and os.environ.get("GRADER_LAUNCH") != "cold":
        return WarmLauncher(preload)
    return ColdLauncher()


def debugging() -> bool:
    """`grader check --debug` asked for one process, so that breakpoints work."""
    return os.environ.get("GRADER_LAUNCH") == "debug"


def clean_environment() -> dict[str, str]:
    """Nothing of the judge's environment that could be a secret, and one thread for numpy's libraries (forks are safe)."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}


class WarmLauncher:
    level = "process group"

    def __init__(self, preload: Sequence[str]) -> None:
        command = [sys.executable, "-P", "-m", "grader.sandbox.zygote", *preload]
        self._parent = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment(), start_new_session=True
        )

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(request).encode() + b"\n")
        self._parent.stdin.flush()
        line = self._parent.stdout.readline()
        if not line:
            raise ConnectionError("the warm parent of the submissions has died")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def start(self, config: dict[str, Any]) -> int:
        pid: int = self._ask({"fork": config})["pid"]
        return pid

    def wait(self, pid: int, seconds: float) -> int | None:
        code: int | None = self._ask({"wait": pid, "seconds": seconds})["status"]
        return code

    def descendants(self, pid: int) -> list[psutil.Process]:
        """All processes below the warm parent: it adopts what tried to leave the submission's tree."""
        try:
            return [p for p in psutil.Process(self._parent.pid).children(recursive=True) if p.pid != pid]
        except psutil.NoSuchProcess:
            return []

    def close(self) -> None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        end_tree(self, -1)
        with contextlib.suppress(BrokenPipeError):
            self._parent.stdin.close()
        self._parent.kill()
        self._parent.wait()
        self._parent.stdout.close()


class ColdLauncher:
    level = "process"

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

    def wait(self, pid: int, seconds: float) -> int | None:
        try:
            return self._started[pid].wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def descendants(self, pid: int) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).children(recursive=True)
        return []

    def close(self) -> None:
        for pid in self._started:
            end_tree(self, pid)


class DebugLauncher:
    """No process at all: the submission runs in a thread of the judge, for breakpoints. Nothing is limited or watched."""

    level = "none (debug)"

    def start(self, config: dict[str, Any]) -> int:
        from grader.sandbox.child import Child

        inside = Child({**config, "debug": True})
        threading.Thread(target=inside.run, name="submission", daemon=True).start()
        return 0

    def wait(self, pid: int, seconds: float) -> int | None:
        return None

    def descendants(self, pid: int) -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)

    def close(self) -> None:
        pass


def end_tree(launcher: Launcher, pid: int) -> None:
    """Kill the process, its group, and everything below, until a look finds nothing any more."""
    for _ in range(50):
        rest = [p for p in launcher.descendants(pid) if _alive(p)]
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if pid > 0:
                psutil.Process(pid).kill()
                if hasattr(os, "killpg"):
                    os.killpg(pid, signal.SIGKILL)
        for process in rest:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if pid > 0:
            launcher.wait(pid, 1.0)
        if not rest:
            return


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
