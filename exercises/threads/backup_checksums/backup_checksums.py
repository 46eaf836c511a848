"""Verify last night's backup: the stub. README.md tells the task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """One file of the manifest. `path` as it stands there; `actual`: its digest, None if it could not be read."""

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
    """Compare the digests of the files below `root` with those of the manifest, on all cores. README.md has the contract."""
    # TODO: threads will do, if you give each of them enough work at a time.
    raise NotImplementedError
