"""hashlib reads the file itself, with a buffer of its own; futures are asked in the order in which they were submitted."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Verdict(NamedTuple):
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
    if chunk_size < 1:
        raise ValueError("chunk_size")
    if algorithm not in hashlib.algorithms_available:
        raise ValueError(f"no such algorithm: {algorithm}")
    top = os.path.realpath(root)
    for path in manifest:
        if os.path.commonpath([top, os.path.realpath(os.path.join(top, path))]) != top:
            raise ValueError(f"not below the root: {path}")
    # ThreadPoolExecutor refuses 0 and less with a ValueError; None would be more threads than cores.
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() if workers is None else workers)
    with pool:
        futures = {path: pool.submit(digest, os.path.join(top, path), algorithm) for path in manifest}
    verdicts = []
    for path, future in futures.items():
        error = future.exception()
        if error is None:
            verdicts.append(Verdict(path, future.result() == manifest[path], future.result(), None))
        elif isinstance(error, OSError):
            name = "missing" if isinstance(error, FileNotFoundError) else error.__class__.__name__
            verdicts.append(Verdict(path, False, None, name))
        else:
            raise error
    return verdicts


def digest(file: str, algorithm: str) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
