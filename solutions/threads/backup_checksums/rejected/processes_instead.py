"""Works in processes: right answers, and the exercise is about threads.

caught-by: test_threads_read_the_files (failed)
says: "other processes read them"
misconception: M12 everything can be sent to a process, for free
"""
from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    path: str
    ok: bool
    actual: str | None
    error: str | None


def verify_manifest(
    root: Path,
    manifest: Mapping[str, str],
    *,
    algorithm: str = "sha3_256",
    workers: int | None = None,
    chunk_size: int = 1 << 20,
) -> list[Verdict]:
    workers = os.cpu_count() if workers is None else workers
    if workers < 1 or chunk_size < 1:
        raise ValueError("workers and chunk_size must be at least 1")
    hashlib.new(algorithm)
    for path in manifest:
        if not (root / path).resolve().is_relative_to(root.resolve()):
            raise ValueError(path)
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(functools.partial(verify, root, algorithm, chunk_size), manifest.items()))


def verify(root: Path, algorithm: str, chunk_size: int, entry: tuple[str, str]) -> Verdict:
    path, expected = entry
    hashed = hashlib.new(algorithm)
    try:
        with (root / path).open("rb") as file:
            while chunk := file.read(chunk_size):
                hashed.update(chunk)
    except FileNotFoundError:
        return Verdict(path, False, None, "missing")
    except OSError as error:
        return Verdict(path, False, None, type(error).__name__)
    return Verdict(path, hashed.hexdigest() == expected, hashed.hexdigest(), None)
