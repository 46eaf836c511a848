"""Inside the submission's process: load the student's module, make the calls the judge asks for, say what is left.

Not trusted: whatever is said from here is data for the judge, never a verdict or a time.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import json
import linecache
import os
import socket
import sys
import tempfile
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.sandbox import remote, stacks, wire

if TYPE_CHECKING:
    from grader.sandbox.exploring import Explorations

GRACE = 0.6  # seconds for threads that are about to end


class Child:
    """`config`: address, token, stage, work, writable, slug, start_method, diagnosis (a file for stacks)."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.stage = Path(config["stage"])
        self.complaints: list[str] = []
        self._explorations: Explorations | None = None
        self._breakpointhook = sys.breakpointhook

    def run(self) -> None:
        if self.config.get("debug"):
            self._prepare_beside_pytest()
        else:
            self._prepare()
        self.sock = remote.connect(self.config["address"], self.config["token"], "control")
        while True:
            try:
                message = wire.receive(self.sock, limit=1 << 30)
            except wire.WireError:
                if self.config.get("debug"):
                    self.sock.close()
                    return
                os._exit(0)  # the judge is gone
            if message["do"] == "finish":
                wire.send(self.sock, self._leaks())
                if self.config.get("debug"):
                    continue  # the judge closes the connection when it is done
                return
            self._answer(message)

    def _prepare(self) -> None:
        config = self.config
        os.chdir(config["work"])
        sys.path.insert(0, str(self.stage))
        sys.argv = [config["slug"]]
        # A neutral main module: spawned children would otherwise import ours again.
        sys.modules["__main__"] = types.ModuleType("__main__")
        tempfile.tempdir = None
        sys.unraisablehook = lambda args: self._complain("unraisable", args.exc_value)
        threading.excepthook = lambda args: self._complain(f"thread {args.thread and args.thread.name}", args.exc_value)
        warnings.showwarning = self._warned
        warnings.simplefilter("always", RuntimeWarning)
        self._prepare_processes()
        stacks.install(self.stage, Path(config["diagnosis"]), config["seconds"])

    def _prepare_beside_pytest(self) -> None:
        """For --debug: in a thread of the judge, so that breakpoints work; each check loads the files anew."""
        sys.path[:] = [str(self.stage), *(p for p in sys.path if Path(p).name != "stage")]
        for name in [path.stem for path in self.stage.glob("*.py")]:
            sys.modules.pop(name, None)

    def _leave_out(self, *args: object, **kwargs: object) -> None:
        """Debuggers need the hooks by which the explorer controls threads, and a schedule cannot wait for a person."""
        if sys.breakpointhook == self._leave_out:
            print("breakpoint() is left out where schedules are explored; `grader replay` plays one that failed.")
            sys.breakpointhook = lambda *args, **kwargs: None  # once is enough

    def _prepare_processes(self) -> None:
        import multiprocessing
        import multiprocessing.shared_memory as shared_memory

        if self.config.get("start_method"):
            multiprocessing.set_start_method(self.config["start_method"], force=True)
        # A prefix of its own tells this submission's shared memory from everybody else's.
        shared_memory._SHM_NAME_PREFIX = self.config["shm_prefix"]  # type: ignore[attr-defined]
        # The same for named semaphores, which a process that is killed leaves behind.
        multiprocessing.current_process()._config["semprefix"] = self.config["shm_prefix"]  # type: ignore[attr-defined]

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            function = self._function(message)
            args = wire.decode(message["args"], self._special)
            kwargs = wire.decode(message["kwargs"], self._special)
            if message.get("timed"):
                wire.send(self.sock, {"ready": True})
                wire.receive(self.sock)
            value = function(*args, **kwargs)
            if inspect.iscoroutine(value):
                value = asyncio.run(self._watch_tasks(value), debug=bool(message.get("debug")))
            answer = {"value": wire.encode(value)}
        except BaseException as error:  # also SystemExit and KeyboardInterrupt: the judge decides what they mean
            answer = {"raised": self._raised(error)}
        gc.collect()
        wire.send(self.sock, answer)

    def _function(self, message: dict[str, Any]) -> Callable[..., Any]:
        if message["do"] == "load":
            loaded = importlib.import_module(self.config["slug"])
            return lambda: [name for name in message["functions"] if not hasattr(loaded, name)]
        if message["do"] == "scenarios":  # before a timed call, which shall not pay for the import
            importlib.import_module("scenarios")
            return lambda: None
        exploring = message["do"].startswith("explore")
        if self.config.get("debug"):
            sys.breakpointhook = self._leave_out if exploring else self._breakpointhook
        if exploring:
            if self._explorations is None:
                from grader.sandbox.exploring import Explorations  # there already, but in a process that started cold

                self._explorations = Explorations(self.stage, self.config["slug"])
            return self._explorations.function(message)
        module = importlib.import_module(self.config["slug"])
        if message["do"] == "scenario":
            scenario = getattr(importlib.import_module("scenarios"), message["name"])
            return lambda *args, **kwargs: scenario(module, *args, **kwargs)
        return getattr(module, message["name"])  # type: ignore[no-any-return]

    def _special(self, data: list[Any]) -> Any:
        match data:
            case ["call", int(number)]:
                return remote.RemoteFunction(number, self.config["address"], self.config["token"])
            case ["inside", str(name)]:
                return getattr(importlib.import_module("scenarios"), name)
            case ["array", str(path), bool(memmap)]:
                import numpy as np

                whole = np.load(path, mmap_mode="r+")
                return np.load(path, mmap_mode="r") if memmap else np.asarray(whole)
        raise wire.WireError(f"an argument of no known kind: {data[0]}")

    async def _watch_tasks(self, coroutine: Any) -> Any:
        try:
            return await coroutine
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in sorted(rest, key=lambda task: task.get_name()):
                if not task.done():
                    name = getattr(task.get_coro(), "__qualname__", "?")
                    self.complaints.append(f"task {name}() was still running when the call returned")

    def _raised(self, error: BaseException) -> dict[str, Any]:
        data: dict[str, Any] = wire.encode(error)[1]
        if isinstance(error, SyntaxError) and error.filename:
            data["frames"] = [
                [os.path.basename(error.filename), error.lineno or 0, "", (error.text or "").rstrip("\n")]
            ]
            data["message"] = f"{error.msg}"
            data["column"] = error.offset or 0
        else:
            data["frames"] = stacks.student_frames(traceback.extract_tb(error.__traceback__), self.stage)
        return data

    def _complain(self, where: str, error: BaseException | None) -> None:
        self.complaints.append(f"{where}: {type(error).__name__}: {wire.text_of(error)[:300]}")

    def _warned(self, message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        if "never awaited" in str(message):
            self.complaints.append(str(message).splitlines()[0])

    def _leaks(self) -> dict[str, Any]:
        """What is left: threads and complaints. Processes, descriptors and files are seen from outside."""
        end = time.monotonic() + GRACE
        while True:
            gc.collect()
            threads = [t for t in threading.enumerate() if t is not threading.main_thread()]
            if self.config.get("debug"):
                threads = []  # pytest's and the judge's own threads live here too
            if not threads or time.monotonic() > end:
                break
            time.sleep(0.01)  # threads announce their end to nobody but join(), which could wait for ever
        linecache.checkcache()
        current = sys._current_frames()
        described = []
        for thread in threads:
            frame = current.get(thread.ident or -1)
            frames = stacks.student_frames(traceback.extract_stack(frame), self.stage) if frame else []
            described.append({"name": thread.name, "daemon": thread.daemon, "frames": frames})
        return {"threads": described, "complaints": self.complaints[:20]}


def route_output(config: dict[str, Any]) -> None:
    """Standard output and error go to the judge, which keeps the tail."""
    sock: socket.socket = remote.connect(config["address"], config["token"], "output")
    os.dup2(sock.fileno(), 1)
    os.dup2(sock.fileno(), 2)
    sock.close()


if __name__ == "__main__":  # the cold start, where there is no fork
    Child(json.loads(sys.argv[1])).run()
