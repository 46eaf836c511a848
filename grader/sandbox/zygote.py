"""The warm, clean parent: imports what submissions need once, then forks one process per check in a millisecond.

Standard input is a socket to the judge, with the frames of `wire`: `{"fork": config}` answers `{"pid": n}`;
`{"wait": pid, "seconds": s}` answers `{"status": n or null}` (the code of `os.waitstatus_to_exitcode`);
`{"sweep": true}` (in a cage) ends and removes everything but this process; `{"shared": true}` answers the names in
/dev/shm; `{"listen": port}` (in a cage) answers `{}` and sends a socket that listens on that port of the cage's loopback;
anything else answers `{}`. When the socket closes, it kills all its descendants.
It is single-threaded, and adopts orphans (child subreaper), so that a double fork does not escape the sweep.
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
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import grader.sandbox.child as child
from grader.sandbox import confine, wire
from grader.sandbox.removal import remove

# The explorer takes a tenth of a second, and most exercises have several checks that explore.
ALWAYS = (
    "concurrent.futures.process", "multiprocessing.pool", "multiprocessing.shared_memory", "grader.sandbox.exploring",
)  # fmt: skip


class Zygote:
    """`config`: preload (modules), folder (of the judge), and the plan of `cage.plan_of`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._plan, self._folder = config["plan"], config["folder"]
        self._caged = bool(self._plan["caged"])
        if self._caged and os.getpid() != 1:
            sys.exit("This is no cage: a sweep would end every process of the machine.")
        if self._plan["furnish"]:
            confine.furnish(self._plan["furnish"])
        # What is shown to the cage may lie in these folders, too: nothing that is there before the first submission goes.
        self._swept = _scratch(self._plan["scratch"], Path(self._folder)) if self._caged else ()
        self._kept = {path for place in self._swept for path in place.iterdir()}
        self._judge = socket.socket(fileno=0)
        confine.prctl(confine.PR_SET_CHILD_SUBREAPER)
        confine.prctl(confine.PR_SET_NO_NEW_PRIVS)
        confine.prctl(confine.PR_SET_DUMPABLE, 0)  # no submission reads or changes the parent of the next one
        for name in (*ALWAYS, *config["preload"]):
            with contextlib.suppress(ImportError):  # a missing optional package is told when the check asks for it
                importlib.import_module(name)
        self._calls = confine.SystemCalls() if self._plan["shown"] else None
        gc.freeze()

    def run(self) -> None:
        with contextlib.suppress(wire.WireError, OSError):
            while True:
                request = wire.receive(self._judge, limit=1 << 24)
                wire.send(self._judge, self._answer(request))
                if "listen" in request:
                    self._send_listener(request["listen"])
        if self._caged:
            self._sweep()
        else:
            _end_descendants()  # the judge is gone, however it went

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "fork" in request:
            return {"pid": self._fork(request["fork"])}
        if "wait" in request:
            return {"status": _wait(request["wait"], request["seconds"])}
        if "shared" in request:
            return {"names": sorted(os.listdir("/dev/shm"))}
        if "sweep" in request and self._caged:
            self._sweep()
        return {}

    def _send_listener(self, port: int) -> None:
        with socket.create_server(("127.0.0.1", port), backlog=256) as server:
            socket.send_fds(self._judge, [b"s"], [server.fileno()])

    def _fork(self, config: dict[str, Any]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.setsid()
            self._judge.detach()
            with open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)
            limit(config["limits"])
            if self._plan["user"] is not None:
                confine.become(self._plan["user"])
            confine.prctl(confine.PR_SET_DUMPABLE)
            if self._calls is not None:
                readable, writable = (*self._plan["shown"], self._folder), (*config["writable"], *self._plan["scratch"])
                confine.confine(readable, writable, self._calls)
            child.route_output(config)
            os.environ.update(config["environment"])
            signal.signal(signal.SIGINT, signal.default_int_handler)
            warnings.resetwarnings()
            child.Child(config).run()
            code = 0
        finally:
            if code:
                sys.excepthook(*sys.exc_info())
                os._exit(code)
        sys.exit(0)  # through the interpreter's own shutdown: exit handlers run, threads are joined

    def _sweep(self) -> None:
        """End every other process of this PID namespace at one blow; empty /tmp and /dev/shm."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        for place in self._swept:
            for path in set(place.iterdir()) - self._kept:
                remove(path)


def _scratch(scratch: list[str], folder: Path) -> tuple[Path, ...]:
    """Where submissions can leave something: the folders for everybody, and what of them lies above the judge's folder."""
    places = tuple(map(Path, scratch))
    return *places, *(path for path in folder.parents if any(place in path.parents for place in places))


def limit(limits: dict[str, int]) -> None:
    """Set the resource limits named (`RLIMIT_*` without the prefix), where the platform has and allows them."""
    import resource

    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            with contextlib.suppress(ValueError, OSError):
                _, hard = resource.getrlimit(number)
                most = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(number, (most, most))


def _end_descendants() -> None:
    from grader.sandbox.processes import below, end_all

    end_all(lambda: below(os.getpid()))


def _wait(pid: int, seconds: float) -> int | None:
    """The exit code once `pid` has ended, None if it has not within `seconds`. Also buries adopted orphans."""
    end = time.monotonic() + seconds
    code: int | None = None
    while True:
        found, status = _bury()
        if found == pid:
            code = os.waitstatus_to_exitcode(status)
        if (code is not None and not found) or (found == 0 and time.monotonic() > end) or found < 0:
            return code
        if not found:
            _sleep_until_child_ends(pid, end)


def _bury() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return -1, 0


def _sleep_until_child_ends(pid: int, end: float) -> None:
    seconds = max(0.0, end - time.monotonic())
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(pid)
            select.select([handle], [], [], seconds)
            os.close(handle)
            return
    time.sleep(min(seconds, 0.005))


if __name__ == "__main__":
    Zygote(json.loads(sys.argv[1])).run()
