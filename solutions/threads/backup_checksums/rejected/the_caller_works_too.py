"""As many threads as workers, and the calling thread reads as well.

caught-by: test_no_more_files_are_open_than_workers (failed)
says: "files were open or being opened at once"
misconception: M13 works here, so works
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Verdict:
    path: str
    ok: bool = False
    actual: str | None = None
    error: str | None = None


class Verifier:
    def __init__(self, root: Path, manifest: Mapping[str, str], algorithm: str, chunk_size: int) -> None:
        self.root, self.manifest, self.algorithm, self.chunk_size = root.resolve(), manifest, algorithm, chunk_size
        self.verdicts = [Verdict(path) for path in manifest]
        self.lock = threading.Lock()
        self.following = 0
        self.failed: list[BaseException] = []

    def look_at_paths(self) -> None:
        for verdict in self.verdicts:
            if self.root not in (self.root / verdict.path).resolve().parents and verdict.path not in ("", "."):
                raise ValueError(verdict.path)

    def run(self) -> None:
        while True:
            with self.lock:
                if self.following >= len(self.verdicts) or self.failed:
                    return
                verdict = self.verdicts[self.following]
                self.following += 1
            try:
                verdict.actual = self.digest(self.root / verdict.path)
                verdict.ok = verdict.actual == self.manifest[verdict.path]
            except OSError as error:
                verdict.error = "missing" if isinstance(error, FileNotFoundError) else type(error).__name__
            except BaseException as error:
                self.failed.append(error)

    def digest(self, file: Path) -> str:
        hashed = hashlib.new(self.algorithm)
        number = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            while piece := os.read(number, self.chunk_size):
                hashed.update(piece)
        finally:
            os.close(number)
        return hashed.hexdigest()


def verify_manifest(
    root: Path,
    manifest: Mapping[str, str],
    *,
    algorithm: str = "sha3_256",
    workers: int | None = None,
    chunk_size: int = 1 << 20,
) -> list[Verdict]:
    hashlib.new(algorithm)
    count = (os.cpu_count() or 1) if workers is None else workers
    if count <= 0 or chunk_size <= 0:
        raise ValueError("too small")
    verifier = Verifier(root, manifest, algorithm, chunk_size)
    verifier.look_at_paths()
    threads = [threading.Thread(target=verifier.run) for _ in range(min(count, len(manifest)))]
    for thread in threads:
        thread.start()
    verifier.run()
    for thread in threads:
        thread.join()
    if verifier.failed:
        raise verifier.failed[0]
    return verifier.verdicts
