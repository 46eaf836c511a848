"""The fixture `submission`: the student's code, called in a process of its own."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.judge.expectations import CheckFailed, expect, shown
from grader.judge.marks import is_inside
from grader.sandbox import limits, wire
from grader.sandbox.files import read_inside
from grader.sandbox.launch import Launcher
from grader.sandbox.outcomes import ImportHung, SubmissionHung, SubmissionRaised
from grader.sandbox.remains import Remains
from grader.sandbox.session import Job, Session
from grader.timeline import Timeline

if TYPE_CHECKING:  # only exercises that pass arrays pay for the import
    import numpy as np


@dataclass(frozen=True)
class Array:
    """An int64 array that reaches the submission as a file of the judge."""

    path: Path
    memmap: bool
    shape: tuple[int, ...]


class Leaks:
    """What was left behind after a polite end of the submission's process."""

    def __init__(self, remains: Remains) -> None:
        self.remains = remains

    @property
    def all(self) -> list[str]:
        r = self.remains
        return [
            *r.threads,
            *r.processes,
            *r.descriptors,
            *(f"shared memory {name}" for name in r.shared_memory),
            *(f"temporary file {name}" for name in r.files),
            *r.complaints,
        ]

    def expect_none(self) -> None:
        """Fail the check if anything is left, naming it."""
        __tracebackhide__ = True
        left = self.all
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        expect(
            not left,
            f"Left behind after the call: {'; '.join(left[:3])}{more}.",
            idea="Whoever starts or opens something ends or closes it, also when an error comes: `with` and `finally`.",
            evidence={"type": "leak", "left": left[:20]},
        )


class Call:
    """A call that runs in the background."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), name="call", daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self._value = work()
        except BaseException as error:  # told in result(), in the check's own thread
            self._error = error

    @property
    def finished(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        self._thread.join()  # bounded: every wait of the call has the check's deadline
        if self._error is not None:
            raise self._error
        return self._value


class Submission:
    """Calls cross to the student's process as plain data; all waits share the check's deadline."""

    def __init__(self, job: Job, launcher: Launcher, functions: tuple[str, ...]) -> None:
        self._job, self._launcher, self._functions = job, launcher, functions
        self._session: Session | None = None
        self._arrays = 0
        self._imported = False  # the module of the scenarios
        self.timeline = Timeline()
        self.start_method: str | None = None
        self.elapsed = 0.0  # wall seconds of the last timed call
        self.cpu = 0.0  # CPU seconds of the process tree during the last timed call

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = Session(replace(self._job, start_method=self.start_method), self._launcher, self.timeline)
            self._session.start()
            self._load(self._session)
        return self._session

    def _load(self, session: Session) -> None:
        message = {"do": "load", "args": ["l"], "kwargs": ["d"], "functions": list(self._functions)}
        try:
            missing, _, _ = session.ask(message, f"import {self._job.slug}")
        except SubmissionHung as hung:
            raise ImportHung(hung.call, hung.seconds, hung.stacks) from None
        if missing:
            empty = not self._job.source.read_bytes().strip()
            raise CheckFailed(
                f"{self._job.slug}.py is empty." if empty else f"{self._job.slug}.py has no {missing[0]!r}.",
                f"The checks call {', '.join(self._functions)}; `grader reset {self._job.slug}` brings the stub back "
                "and keeps your file beside it.",
            )

    @property
    def folder(self) -> Path:
        """A private folder that both sides see."""
        return self.session.work

    def file(self, path: Path) -> bytes | None:
        """The bytes of a file in the folder; None if there is none, or something else than a regular file."""
        return read_inside(self.session.folder, path, limits.FILE)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._ask(name, args, kwargs)

    def run(self, scenario: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a `@scenario` inside the submission's process; it gets the student's module first."""
        return self._ask(scenario, args, kwargs)

    def start(self, what: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Call:
        """Begin a call (by name) or a scenario in the background. One at a time."""
        _ = self.session
        return Call(lambda: self._ask(what, args, kwargs))

    def timed(self, what: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The call's result; `elapsed` and `cpu` then hold its seconds, from "go" to the reply, by the judge's clock."""
        return self._ask(what, args, kwargs, timed=True)

    def error_of(self, what: str | Callable[..., Any], *args: Any, **kwargs: Any) -> wire.Raised:
        """The exception that this call raises. Fails the check if it returns."""
        __tracebackhide__ = True
        name = what if isinstance(what, str) else name_inside(what)
        try:
            value = self._ask(what, args, kwargs)
        except SubmissionRaised as error:
            if error.raised.type == "NotImplementedError":
                raise
            return error.raised
        raise CheckFailed(
            f"{name} returned {shown(value)}, an exception was due.",
            "Look up in the README when this call must raise; an error that nobody sees is lost.",
        )

    def explore(
        self, scenario: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any]
    ) -> None:
        """Prepare an exploration of a `@scenario`; `explore_request` then goes through it."""
        message = {
            "do": "explore",
            "name": name_inside(scenario),
            "args": wire.encode(list(args), self._special),
            "kwargs": wire.encode(kwargs, self._special),
            "options": options,
        }
        self.session.ask(message, "an exploration")

    def explore_request(self, message: dict[str, Any], label: str) -> Any:
        """The next outcome, evidence, and so on; see `grader.sandbox.exploring`."""
        value, _, _ = self.session.ask({**message, "args": ["l"], "kwargs": ["d"]}, label)
        return value

    def load(self) -> None:
        """Only import the student's module."""
        _ = self.session

    def _ask(
        self, what: str | Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], timed: bool = False
    ) -> Any:
        """Call a function by its name, or run a scenario; the one place that tells the two apart."""
        if isinstance(what, str):
            do, name, label = "call", what, what
        else:
            do, name = "scenario", name_inside(what)
            label = f"your code in the check's {name}()"
        session = self.session
        if timed and do == "scenario" and not self._imported:
            session.ask({"do": "scenarios", "args": ["l"], "kwargs": ["d"]}, label)
            self._imported = True
        message = {
            "do": do,
            "name": name,
            "args": wire.encode(list(args), self._special),
            "kwargs": wire.encode(kwargs, self._special),
            "timed": timed,
        }
        value, seconds, cpu = session.ask(message, label)
        if timed:
            self.elapsed, self.cpu = seconds, cpu
        return value

    def _special(self, value: Any) -> list[Any] | None:
        if isinstance(value, Array):
            return ["array", str(value.path), value.memmap]
        if is_inside(value):
            return ["inside", value.__qualname__]
        if callable(value) and not isinstance(value, wire.Record):
            return ["call", self.session.number_of(value)]
        return None

    def array(self, values: np.ndarray[Any, Any], memmap: bool = False) -> Array:
        """An argument that arrives as an array (or a read-only memmap) with these values."""
        import numpy as np

        self._arrays += 1
        path = self.session.folder / "given" / f"array-{self._arrays}.npy"
        np.save(path, values)
        return Array(path, memmap, values.shape)

    def array_now(self, array: Array) -> np.ndarray[Any, Any]:
        """What the array holds now: tells whether the submission wrote into it. Fails the check if its file is no array."""
        import numpy as np

        try:
            values: np.ndarray[Any, Any] = np.load(io.BytesIO(self.file(array.path) or b""), allow_pickle=False)
        except (ValueError, EOFError):
            values = np.empty(())
        expect(
            values.shape == array.shape and values.dtype == np.int64,
            "The file of an array that the check gave you holds something else now.",
            idea="Your code gets the values to read them; nothing needs to be written there.",
        )
        return values

    def listener(self, port: int) -> socket.socket | None:
        """A socket that listens on this port where the submission sees its loopback; None where that is this machine's."""
        return self._launcher.listener(port)

    def remaining(self) -> float:
        """Seconds until the check's deadline."""
        return self.session.remaining()

    def child_processes(self) -> int:
        return len(self.session.children())

    def pids(self) -> list[int]:
        return [process.pid for process in self.session.children()]

    def finish(self) -> Leaks:
        """End the process politely and look at what is left."""
        return Leaks(self.session.finish())

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


def name_inside(scenario: Callable[..., Any]) -> str:
    """Its name in the submission's module `scenarios`. Raises TypeError if it has none."""
    if not is_inside(scenario):
        raise TypeError(f"{scenario!r} is not marked with @scenario")
    return scenario.__qualname__
