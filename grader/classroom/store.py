"""What has been graded so far, on the disk: a kill at any moment loses at most the submissions that were under way."""

from __future__ import annotations

import contextlib
import errno
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from grader.classroom.units import Place, Unit, from_data, is_lasting, line_of
from grader.errors import GraderFault
from grader.verdict import CheckResult


class Store:
    """Verdicts by key, in a file to which a line is added for each unit. Thread-safe; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[CheckResult]] = {}
        self._places: dict[str, Place] = {}
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Store:
        """Raises GraderFault when another regrade writes here now."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self._path, "a+b")  # closed in __exit__
        try:
            _lock_alone(self._file, self._path)
        except GraderFault:
            self._file.close()
            raise
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break  # the kill came in the middle of it
            whole += len(line)
            with contextlib.suppress(ValueError, KeyError, TypeError):
                data = json.loads(line)
                place, checks = Place(**data["place"]), from_data(data["checks"])
                self._known[data["key"]] = checks
                self._places[data["key"]] = place
        self._file.truncate(whole)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> list[CheckResult] | None:
        with self._lock:
            return self._known.get(key)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where anything was graded that is known here."""
        with self._lock:
            return tuple(dict.fromkeys(self._places.values()))

    def place_of(self, key: str) -> Place:
        """Where that was graded. Raises KeyError for what is not known."""
        with self._lock:
            return self._places[key]

    def put(self, key: str, unit: Unit, checks: Sequence[CheckResult], place: Place) -> None:
        """Remember it; what a later run should try again is remembered for this run only."""
        with self._lock:
            self._known[key] = list(checks)
            self._places[key] = place
            if self._file is not None and is_lasting(checks):
                self._file.write(line_of(key, unit, checks, place).encode() + b"\n")
                self._file.flush()


def _lock_alone(file: IO[bytes], path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: whoever starts two of them at once has asked for it
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return  # a file system without locks: whoever starts two of them there has asked for it
        raise GraderFault(
            f"Another regrade is at work in {path.parent} now. Wait for it, or choose another --out."
        ) from error
