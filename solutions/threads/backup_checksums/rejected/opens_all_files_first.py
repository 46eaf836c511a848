"""All files are opened at first, then hashed by the pool.

caught-by: test_no_more_files_are_open_than_workers (failed), test_as_many_files_are_opened_at_once_as_workers (failed)
says: "one after the other was opened, by one thread" "files were open or being opened at once"
misconception: M13 works here, so works
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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

    def verify(path, file):
        if isinstance(file, OSError):
            error = "missing" if isinstance(file, FileNotFoundError) else type(file).__name__
            return Verdict(path, False, None, error)
        hashed = hashlib.new(algorithm)
        while chunk := file.read(chunk_size):
            hashed.update(chunk)
        return Verdict(path, hashed.hexdigest() == manifest[path], hashed.hexdigest(), None)

    with ExitStack() as stack:
        files = []
        for path in manifest:
            try:
                files.append(stack.enter_context((root / path).open("rb")))
            except OSError as error:
                files.append(error)
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(verify, manifest, files))
