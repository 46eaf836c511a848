"""All threads read into the same buffer when it is small: reading a few bytes is taken for one step.

caught-by: test_threads_do_not_disturb_each_other (failed)
says: "the digest of"
misconception: M03 the GIL makes my code atomic
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    path: str
    ok: bool
    actual: str | None
    error: str | None  # "missing", or the class name of the exception


def verify_manifest(
    root: Path,
    manifest: Mapping[str, str],
    *,
    algorithm: str = "sha3_256",
    workers: int | None = None,
    chunk_size: int = 1 << 20,
) -> list[Verdict]:
    if workers is None:
        workers = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    if workers < 1 or chunk_size < 1:
        raise ValueError("workers and chunk_size must be at least 1")
    hashlib.new(algorithm)  # a ValueError for a name that it does not know
    files = {path: _inside(root, path) for path in manifest}

    # A few bytes are read and hashed at one blow; only a larger buffer must belong to one file.
    shared = bytearray(chunk_size) if chunk_size < 64 else None

    def verify(path: str) -> Verdict:
        try:
            actual = _digest(files[path], algorithm, shared or bytearray(chunk_size))
        except FileNotFoundError:
            return Verdict(path, False, None, "missing")
        except OSError as error:
            return Verdict(path, False, None, type(error).__name__)
        return Verdict(path, actual == manifest[path], actual, None)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(verify, manifest))


def _inside(root: Path, path: str) -> Path:
    """The file, all links followed. Raises ValueError if it does not lie below the root."""
    file = (root / path).resolve()
    if not file.is_relative_to(root.resolve()):
        raise ValueError(f"{path!r} leads out of {root}")
    return file


def _digest(file: Path, algorithm: str, buffer: bytearray) -> str:
    view = memoryview(buffer)
    hashed = hashlib.new(algorithm)
    with file.open("rb", buffering=0) as stream:
        while n := stream.readinto(buffer):
            hashed.update(view[:n])
    return hashed.hexdigest()
