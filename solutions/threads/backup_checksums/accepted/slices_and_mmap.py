"""Every worker has every n-th file; the system maps the file into memory, and the hash reads it from there in chunks."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
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
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 1 or chunk_size < 1:
        raise ValueError("workers and chunk_size must be positive")
    hashlib.new(algorithm)
    root = root.resolve(strict=True)
    entries = list(manifest.items())
    for path, _ in entries:
        (root / path).resolve().relative_to(root)  # a ValueError if it is not below

    def verify(path: str, expected: str) -> Verdict:
        try:
            with (root / path).open("rb") as file:
                hashed = hashlib.new(algorithm)
                if os.fstat(file.fileno()).st_size:  # an empty file cannot be mapped
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
                        for start in range(0, len(view), chunk_size):
                            with view[start : start + chunk_size] as piece:
                                hashed.update(piece)
        except OSError as error:
            return Verdict(path, False, None, "missing" if error.errno == errno.ENOENT else type(error).__name__)
        return Verdict(path, hashed.hexdigest() == expected, hashed.hexdigest(), None)

    def work(first: int) -> list[Verdict]:
        return [verify(*entry) for entry in entries[first::workers]]

    verdicts: list[Verdict | None] = [None] * len(entries)
    with ThreadPoolExecutor(workers) as pool:
        for first, found in enumerate(pool.map(work, range(workers))):
            verdicts[first::workers] = found
    return [verdict for verdict in verdicts if verdict is not None]
