"""The warm, clean parent: imports what submissions need once, then forks one process per check in a millisecond.

Speaks JSON lines on standard input and output: `{"fork": config}` answers `{"pid": n}`; `{"wait": pid, "seconds": s}`
answers `{"status": n or null}` (the code of `os.waitstatus_to_exitcode`). When its input ends it kills all its descendants.
It is single-threaded, and adopts orphans (child subreaper), so that a double fork does not escape the sweep.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
import warnings
from typing import Any

import grader.sandbox.child as child

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38


def main(preload: list[str]) -> None:
    _prctl(PR_SET_CHILD_SUBREAPER)
    _prctl(PR_SET_NO_NEW_PRIVS)
    for name in ("concurrent.futures.process", "multiprocessing.pool", "multiprocessing.shared_memory", *preload):
        with contextlib.suppress(ImportError):  # a missing optional package is told when the check asks for it
            importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if "fork" in request:
            answer: dict[str, Any] = {"pid": _fork(request["fork"])}
        else:
            answer = {"status": _wait(request["wait"], request["seconds"])}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    _end_descendants()  # the judge is gone, however it went


def _end_descendants() -> None:
    import psutil

    while rest := psutil.Process().children(recursive=True):
        for process in rest:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(rest, timeout=1)


def _fork(config: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        child.route_output(config)
        os.environ.update(config["environment"])
        limit(config["limits"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        warnings.resetwarnings()
        child.Child(config).run()
        code = 0
    finally:
        if code:
            sys.excepthook(*sys.exc_info())
            os._exit(code)
    sys.exit(0)  # through the interpreter's own shutdown: exit handlers run, threads are joined


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


def _prctl(option: int) -> None:
    """Linux only; elsewhere the sweep finds only what stayed in the process group."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, 1, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
