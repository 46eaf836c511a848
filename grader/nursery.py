"""A process that has imported what every judge needs, and forks one in milliseconds: without it, each pays half a second.

Only Linux: elsewhere a fork without an exec is not safe with the system's own libraries, and judges start from a cold Python.
It is single-threaded. Standard input is a socket to the supervisor, with the frames of `sandbox.wire`: `{"fork": {"argv",
"environment", "folder", "output"}}` is answered by `{"pid": n}`; when a judge has ended, `{"ended": pid, "status": code}` comes by
itself. When the socket closes, it ends all judges.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from grader.sandbox import confine, wire
from grader.sandbox.processes import end_group

ALWAYS = ("pytest", "_pytest.main", "grader.judge.plugin")  # and what they import
LOST = -int(signal.SIGKILL) if os.name == "posix" else -9  # the status of a judge whose nursery is gone
SUPPORTED = sys.platform == "linux"


class Forked:
    """One judge; `pid`, `poll` and `wait` are those of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = threading.Event()
        self._status: int | None = None

    def end_with(self, status: int) -> None:
        self._status = status
        self._ended.set()

    def poll(self) -> int | None:
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal. Raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("judge", timeout or 0.0)
        assert self._status is not None
        return self._status


class Nursery:
    """The supervisor's side. Thread-safe; end it with `close()`."""

    def __init__(self, preload: Sequence[str], environment: Mapping[str, str]) -> None:
        """`preload`: modules that are worth having before the fork, if they are installed."""
        self._line, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grader.nursery", json.dumps(list(preload))],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
        theirs.close()
        self._asking = threading.Lock()
        self._answers: SimpleQueue[int] = SimpleQueue()
        self._judges: dict[int, Forked] = {}
        self._early: dict[int, int] = {}  # ended before its asker has heard its pid
        self._known = threading.Lock()
        self._gone = False
        self._listener = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._listener.start()

    def fork(self, argv: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path) -> Forked:
        """A judge that runs pytest with these arguments. Raises OSError when the nursery is gone."""
        order = {"argv": list(argv), "environment": dict(environment), "folder": str(folder), "output": str(output)}
        with self._asking:
            if self._gone:
                raise OSError("the nursery is gone")
            wire.send(self._line, {"fork": order})
            pid = self._answers.get()
        if not pid:
            raise OSError("the nursery is gone")
        judge = Forked(pid)
        with self._known:
            if pid in self._early:
                judge.end_with(self._early.pop(pid))
            elif self._gone:
                judge.end_with(LOST)
            else:
                self._judges[pid] = judge
        return judge

    def _listen(self) -> None:
        with contextlib.suppress(wire.WireError, OSError):
            while True:
                told = wire.receive(self._line)
                if "pid" in told:
                    self._answers.put(int(told["pid"]))
                else:
                    self._end(int(told["ended"]), int(told["status"]))
        with self._known:
            self._gone = True
            rest, self._judges = self._judges, {}
        for judge in rest.values():
            judge.end_with(LOST)
        self._answers.put(0)

    def _end(self, pid: int, status: int) -> None:
        with self._known:
            judge = self._judges.pop(pid, None)
            if judge is None:
                self._early[pid] = status
        if judge is not None:
            judge.end_with(status)

    def close(self) -> None:
        """End it and all its judges."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            end_group(self._process.pid)
            self._process.wait()
        self._listener.join()


class _Server:
    """The process itself."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._line = socket.socket(fileno=0)
        for name in (*ALWAYS, *preload):
            with contextlib.suppress(ImportError):  # the check that needs it says so
                importlib.import_module(name)
        gc.freeze()
        self._wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, no byte is written
        signal.set_wakeup_fd(waker)
        self._judges: set[int] = set()

    def serve(self) -> int:
        """Until the supervisor is gone; in a forked judge, until that has ended: its exit code."""
        line = self._line.fileno()
        with contextlib.suppress(wire.WireError, OSError):
            while True:
                ready, _, _ = select.select([line, self._wake], [], [])
                if self._wake in ready:
                    os.read(self._wake, 4096)
                    self._bury()
                if line in ready:
                    order = wire.receive(self._line)["fork"]
                    pid = os.fork()
                    if not pid:
                        return self._become(order)
                    self._judges.add(pid)
                    wire.send(self._line, {"pid": pid})
        for pid in self._judges:
            end_group(pid)
        return 0

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self._judges.discard(found[0])
                wire.send(self._line, {"ended": found[0], "status": os.waitstatus_to_exitcode(found[1])})

    def _become(self, order: dict[str, Any]) -> int:
        """A judge, as `python -P -m pytest` would start it."""
        os.setsid()
        confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)  # also when the nursery is killed
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._line.detach()  # its descriptor is 0, and is replaced here
        with open(os.devnull) as nothing, open(order["output"], "ab") as output:
            for theirs, ours in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(theirs.fileno(), ours)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        tempfile.tempdir = None
        sys.argv = ["pytest", *order["argv"]]
        import pytest

        return int(pytest.main(order["argv"]))


if __name__ == "__main__":
    sys.exit(_Server(json.loads(sys.argv[1])).serve())
