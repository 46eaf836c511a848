"""Writes a copy into a folder, or brings an older one up to date without touching what its owner changed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader import manifest
from grader.classroom.copies import Files
from grader.errors import UsageError
from grader.scaffold import keep


@dataclass(frozen=True)
class Changes:
    """Paths from the copy's root. `kept`: what there was something new for, but its owner had changed it.

    `beside`: where the owner's own files are now that had the names of files which are given out for the first time.
    """

    new: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    beside: tuple[str, ...]


def update(target: Path, files: Files, is_owners: Callable[[str], bool]) -> Changes:
    """`files` must hold a manifest. Raises UsageError before anything is written, if the folder is no such copy or leads out of itself."""
    before = _before(target)
    for name in (*files, *before):
        _refuse_way_out(target, name)
    new: list[str] = []
    updated: list[str] = []
    removed: list[str] = []
    kept: list[str] = []
    beside: list[str] = []
    for name, content in files.items():
        if name == manifest.NAME:
            continue
        there = _read(target / name)
        if there is not None and manifest.digest(there) == manifest.digest(content):
            continue
        if there is not None and is_owners(name) and manifest.digest(there) != before.get(name):
            kept.append(name)
            continue
        if there is not None and name not in before:
            beside.append(keep(there, target / name).relative_to(target).as_posix())
        write(target / name, content)
        (new if there is None else updated).append(name)
    for name in sorted(before.keys() - files.keys()):
        there = _read(target / name)
        if there is None:
            continue
        if is_owners(name) and manifest.digest(there) != before[name]:
            kept.append(name)
            continue
        (target / name).unlink()
        removed.append(name)
        _remove_empty(target, (target / name).parent)
    # Last of all: until everything is done, the old one knows what was given out, and so what is still to be removed.
    write(manifest.path_of(target), files[manifest.NAME])
    return Changes(*map(tuple, (new, updated, removed, kept, beside)))


def contents(target: Path) -> frozenset[str]:
    """The paths of a copy that is there; none for a folder that is new. Raises UsageError for any other folder."""
    return frozenset(_before(target))


def _before(target: Path) -> dict[str, str]:
    """What the folder was given last time: digests by path. Nothing for a folder that is new or empty but for git's own files."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file. Name a folder.")
    path = manifest.path_of(target)
    if not path.is_file():
        if target.is_dir() and any(child.name != ".git" for child in target.iterdir()):
            raise UsageError(
                f"{target} is not empty, and no copy that this command made. Name a new or an empty folder."
            )
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(digest) for part in ("files", "others") for name, digest in data[part].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} is no manifest of a copy ({type(error).__name__}), so nobody knows what its owner changed. Export to a new folder."
        ) from error


def _refuse_way_out(target: Path, name: str) -> None:
    """The folder is somebody else's: a path in its manifest, or a link in it, could lead anywhere."""
    root = target.resolve()
    folder = (target / name).parent.resolve()
    if not name or ".." in name.split("/") or os.path.isabs(name) or not (folder == root or root in folder.parents):
        raise UsageError(
            f"{target}: the path {name!r} leads out of that folder. Nothing was written; look at who made it."
        )
    if (target / name).is_dir():
        raise UsageError(f"{target}: {name!r} is a folder where a file should be. Nothing was written; move it away.")


def _read(path: Path) -> bytes | None:
    try:
        return None if path.is_symlink() else path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: Path, content: bytes) -> None:
    """Beside the target and renamed: nobody ever reads half a file, and a link is replaced, not followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        os.chmod(part, 0o755 if content.startswith(b"#!") else 0o644)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _remove_empty(target: Path, folder: Path) -> None:
    while folder != target and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
