"""Submissions started at an isolation level of this machine, for tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox import cage
from grader.sandbox.launch import Launcher
from grader.sandbox.session import Job, Session
from grader.tests.test_session import call

Start = Callable[..., Session]


def had(level: str) -> str:
    """This level; skips the test where the machine does not have it."""
    if not hasattr(os, "fork"):
        pytest.skip("submissions are not isolated on this platform")
    if why := cage.fault(level):
        pytest.skip(f"{level}: {why}")
    return level


def sessions(made: Launcher, folder: Path) -> Iterator[Start]:
    """Starts submissions with this source, one after the other, from one warm parent."""
    started: list[Session] = []

    def start(source: str, seconds: float = 20.0) -> Session:
        for earlier in started:
            earlier.close()
        path = folder / "homework.py"
        path.write_text(source)
        started.append(Session(Job("homework", path, (), "", seconds), made))
        started[-1].start()
        return started[-1]

    yield start
    for session in started:
        session.close()


def run(session: Session, *arguments: Any) -> Any:
    value, _, _ = call(session, "run", *arguments)
    return value
