"""Unpacks zips that strangers have made."""

from __future__ import annotations

import errno
import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderFault

MOST_FILES, MOST_BYTES = 20_000, 200 * 1024 * 1024  # of one zip, unpacked, with the zips in it
FULL = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))  # our disk, not their zip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of the others, Python unpacks without a bound
IGNORED = {".git", ".venv", "node_modules", "__pycache__", ".grader", "__MACOSX"}


@dataclass
class Budget:
    """What may still be unpacked of what one person handed in."""

    files: int = MOST_FILES
    bytes: int = MOST_BYTES


class Damaged(Exception):
    """It cannot be unpacked. The text says why."""


def unpack(path: Path, target: Path, budget: Budget) -> None:
    """The regular files of a zip below `target`, whatever names it gives them. Raises Damaged, and GraderFault without room for them."""
    shutil.rmtree(target, ignore_errors=True)
    try:
        target.mkdir(parents=True)
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, target, budget)
    except Damaged:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise GraderFault(f"{path.name} could not be unpacked into {target.parent}: {error.strerror}.") from error
        raise Damaged(f"it could not be read: {error.strerror or error}") from error
    except Exception as error:  # zlib's, struct's and others' own, by what is wrong with it
        raise Damaged(str(error) or type(error).__name__) from error


def _unpack(archive: zipfile.ZipFile, target: Path, budget: Budget) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    budget.files -= len(entries)
    budget.bytes -= sum(entry.file_size for entry in entries)
    if budget.files < 0 or budget.bytes < 0:
        raise Damaged(f"it holds more than {MOST_FILES:,} files or {MOST_BYTES >> 20} MB")
    for entry in entries:
        parts = Path(entry.filename.replace("\\", "/")).parts
        if stat.S_ISLNK(entry.external_attr >> 16) or ".." in parts or IGNORED & set(parts):
            continue
        if entry.compress_type not in METHODS:
            raise Damaged("it is compressed in a way that is not accepted; make it with the usual settings")
        place = target.joinpath(*(part for part in parts if part not in ("/", ".") and ":" not in part))
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, open(place, "wb") as file:
            shutil.copyfileobj(source, file)  # reads no more than the index promised
