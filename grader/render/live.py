"""Progress while judges work: one line that says how far it is, only on a terminal; plain lines elsewhere."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from grader.grading import Request
from grader.render import screen
from grader.text import visible
from grader.verdict import CheckResult


class Live:
    def __init__(self, console: Console) -> None:
        self._console = console
        spinner = "dots" if screen.can_show("⠋", console.file) else "line"
        self._status = Status("starting ...", console=console, spinner=spinner)
        self._lock = threading.Lock()
        self._checks = 0

    def __enter__(self) -> Live:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._status.stop()

    def heard(self, request: Request, check: CheckResult) -> None:
        """A check has ended. Called from several threads."""
        with self._lock:
            self._checks += 1
            text = f"{self._checks} checks done; {request.exercise.slug}: {visible(check.title, one_line=True)}"
            self._status.update(escape(screen.cut(text, min(self._console.width, screen.WIDTH) - 3)))

    def say(self, line: str) -> None:
        with self._lock:
            self._console.print(visible(line), highlight=False, markup=False)
