"""Brings stubs back, and never loses a student's work."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

from grader.catalog import Exercise
from grader.errors import GraderFault
from grader.verdict import write_atomically


def reset(exercise: Exercise) -> Path | None:
    """Put the stub of the last release back; returns where the old file was kept, None if nothing was there to keep."""
    stub = _released(exercise)
    current = exercise.stub
    kept: Path | None = None
    if current.exists() and current.read_bytes() != stub.encode():
        names = (current.with_name(f"{exercise.slug}.mine-{number}.txt") for number in itertools.count(1))
        kept = next(name for name in names if not name.exists())
        current.rename(kept)
    write_atomically(current, stub)
    return kept


def _released(exercise: Exercise) -> str:
    """The stub that came with an export, or else as it was first committed: a student's commits change only later versions."""
    if exercise.original.is_file():
        return exercise.original.read_text(encoding="utf-8")
    path = exercise.stub.relative_to(exercise.root).as_posix()
    log = _git(exercise, "log", "--diff-filter=A", "--format=%H", "--", path).split()
    if not log:
        raise GraderFault(f"git does not know {path}, so the stub cannot be brought back. Clone the repository again.")
    return _git(exercise, "show", f"{log[-1]}:{path}")


def _git(exercise: Exercise, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=exercise.root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise GraderFault(
            "git is needed to bring the stub back, and it did not answer. Is this a git checkout?"
        ) from error
    return done.stdout
