"""The release's own files: tells when tests, grader or given files are no longer those that were released.

It informs and protects nothing: whoever can change a test can change the manifest. A classroom grades with its own files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Sequence
from pathlib import Path, PurePosixPath

from grader.catalog import Catalog, Exercise
from grader.errors import UsageError

SCHEMA = "grader/manifest/v1"
NAME = "grader/manifest.json"
KINDS = (".py", ".json", ".toml", ".ini", ".lock")
SETTINGS = ("pyproject.toml", "requirements.lock", "requirements-dev.lock")


def path_of(root: Path) -> Path:
    return root / NAME


def written(catalog: Catalog) -> str:
    """The manifest of what is there now, as JSON: the SHA-256 of each protected file, by its path from the root."""
    files = {path.relative_to(catalog.root).as_posix(): digest(path.read_bytes()) for path in protected(catalog)}
    return json.dumps({"schema": SCHEMA, "files": files}, indent=1) + "\n"


def protected(catalog: Catalog) -> Iterator[Path]:
    """Tests, grader, given files and settings; not what students write, and not what only people read."""
    root = catalog.root
    stubs, given = own_files(root, catalog.exercises)
    yield from (path for path in map(root.joinpath, SETTINGS) if path.is_file())
    for folder in ("grader", "tests", "exercises"):
        for path in sorted((root / folder).rglob("*")):
            if is_protected(path.relative_to(root).as_posix(), stubs, given) and path.is_file():
                yield path


def own_files(root: Path, exercises: Sequence[Exercise]) -> tuple[set[str], set[str]]:
    """The stubs, and the given files, by their paths from the root."""
    stubs = {exercise.stub.relative_to(root).as_posix() for exercise in exercises}
    return stubs, {path.relative_to(root).as_posix() for exercise in exercises for path in exercise.given_files}


def is_protected(name: str, stubs: Container[str], given: Container[str]) -> bool:
    """Of a file, by its path from the root; `stubs` and `given` are such paths, too. Beside stubs, students keep notes of their own."""
    path = PurePosixPath(name)
    if name in SETTINGS or name in given:
        return True
    if "__pycache__" in path.parts or name in stubs or name == NAME or path.suffix not in KINDS:
        return False
    return path.parts[0] in ("grader", "tests") or (path.parts[0] == "exercises" and path.suffix == ".toml")


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
    found += [
        f"changed {name}"
        for name in there.keys() & released.keys()
        if digest(there[name].read_bytes()) != released[name]
    ]
    return sorted(found, key=lambda line: line.split(" ", 1)[1])


def digest(content: bytes) -> str:
    """Of the text, whatever git on Windows makes of its line ends."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
