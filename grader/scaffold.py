"""Brings stubs back, and never loses a student's work."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

from grader.catalog import Exercise
from grader.errors import GraderFault
from grader.verdict import write_atomically


def reset(exercise: Exercise) -> Path | None:
    """Put the stub of the last release back; returns where the old file was kept, None if nothing was there to keep.

    The student's file stays where it is until its copy is complete. Raises GraderFault, and then nothing has changed.
    """
    stub = _released(exercise)
    current = exercise.stub
    kept: Path | None = None
    try:
        if current.exists() and (mine := current.read_bytes()) != stub.encode():
            kept = keep(mine, current)
        write_atomically(current, stub)
    except OSError as error:
        if kept is not None:
            kept.unlink(missing_ok=True)
        raise GraderFault(
            f"The stub could not be brought back: {error.strerror} ({current.parent}). Your file is as it was."
        ) from error
    return kept


def keep(content: bytes, original: Path) -> Path:
    """A copy beside the original, under a name that nobody had before, also when somebody else makes one at the same moment."""
    for number in itertools.count(1):
        path = original.with_name(f"{original.stem}.mine-{number}.txt")
        try:
            file = open(path, "xb")  # noqa: SIM115 - closed below; who made it must be known when writing fails
        except FileExistsError:
            continue
        try:
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # the original is about to go
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path
    raise AssertionError("numbers do not end")


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
