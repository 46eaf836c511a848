"""The release's own files: tells when tests, grader or given files are no longer those that were released.

It informs and protects nothing: whoever can change a test can change the manifest. A classroom grades with its own files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from grader.catalog import Catalog
from grader.errors import UsageError

SCHEMA = "grader/manifest/v1"
KINDS = (".py", ".json", ".toml", ".ini", ".lock")


def path_of(root: Path) -> Path:
    return root / "grader" / "manifest.json"


def written(catalog: Catalog) -> str:
    """The manifest of what is there now, as JSON: the SHA-256 of each protected file, by its path from the root."""
    files = {path.relative_to(catalog.root).as_posix(): _digest(path) for path in protected(catalog)}
    return json.dumps({"schema": SCHEMA, "files": files}, indent=1) + "\n"


def protected(catalog: Catalog) -> Iterator[Path]:
    """Tests, grader, given files and settings; not what students write, and not what only people read."""
    root = catalog.root
    students = {exercise.stub for exercise in catalog.exercises}
    given = {exercise.folder / name for exercise in catalog.exercises for name in exercise.given}
    yield from (
        path
        for path in (root / "pyproject.toml", root / "requirements.lock", root / "requirements-dev.lock")
        if path.is_file()
    )
    for folder in ("grader", "tests", "exercises"):
        for path in sorted((root / folder).rglob("*")):
            if "__pycache__" in path.parts or path in students or path == path_of(root) or not path.is_file():
                continue
            if path in given or (path.suffix in KINDS and not _is_a_students_own(root, path)):
                yield path


def differences(catalog: Catalog) -> list[str]:
    """`changed tests/threads/test_x.py`, and so on; nothing where no manifest was released.

    Raises UsageError for a manifest that cannot be read.
    """
    path = path_of(catalog.root)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        released = {str(name): str(digest) for name, digest in data["files"].items()}
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} cannot be read ({error}). `git checkout -- {path}` brings it back.") from error
    there = {path.relative_to(catalog.root).as_posix(): path for path in protected(catalog)}
    found = [f"missing {name}" for name in released.keys() - there.keys()]
    found += [f"added {name}" for name in there.keys() - released.keys()]
    found += [f"changed {name}" for name in there.keys() & released.keys() if _digest(there[name]) != released[name]]
    return sorted(found, key=lambda line: line.split(" ", 1)[1])


def _is_a_students_own(root: Path, path: Path) -> bool:
    """Beside the stubs, students keep older versions and notes of their own."""
    return path.is_relative_to(root / "exercises") and path.suffix != ".toml"


def _digest(path: Path) -> str:
    """Of the text, whatever git on Windows makes of its line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
