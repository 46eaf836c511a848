"""Gives up at the first 503.

caught-by: test_a_busy_mirror_is_asked_again (failed)
says: "503"
misconception: M13 works here, so works
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests


@dataclass(frozen=True)
class Download:
    """What became of one URL."""

    url: str
    path: Path | None
    size: int
    error: Exception | None


def download_all(
    urls: Sequence[str],
    dest: Path,
    *,
    max_workers: int = 8,
    timeout: float = 5.0,
    retries: int = 2,
    on_progress: Callable[[Download], None] | None = None,
) -> list[Download]:
    """Fetch every URL into `dest`."""
    if max_workers < 1:
        raise ValueError("max_workers must be at least 1")
    targets = file_names(urls, dest)
    dest.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    done: dict[str, Download] = {}
    with ThreadPoolExecutor(max_workers) as pool:
        futures = [pool.submit(fetch, url, targets[url], timeout, retries, stop) for url in targets]
        try:
            for future in as_completed(futures):
                download = future.result()
                done[download.url] = download
                if on_progress is not None:
                    on_progress(download)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[url] for url in urls]


def file_names(urls: Sequence[str], dest: Path) -> dict[str, Path]:
    targets: dict[str, Path] = {}
    for url in urls:
        target = dest / urlsplit(url).path.split("/")[-1]
        if target == dest:
            raise ValueError(f"no file name in {url}")
        if url not in targets and target in targets.values():
            raise ValueError(f"two URLs for {target.name}")
        targets[url] = target
    return targets


def fetch(url: str, target: Path, timeout: float, retries: int, stop: threading.Event) -> Download:
    part = target.with_name(f"{uuid.uuid4().hex}.part")
    error: Exception = RuntimeError("stopped")
    for _ in range(1):
        if stop.is_set():
            break
        try:
            deadline = time.monotonic() + timeout
            with requests.get(url, stream=True, timeout=timeout) as response:
                response.raise_for_status()
                with part.open("wb") as file:
                    while chunk := response.raw.read1(65536):
                        file.write(chunk)
                        if time.monotonic() > deadline:
                            raise TimeoutError(f"{url} takes too long")
            size = part.stat().st_size
            os.replace(part, target)
            return Download(url, target, size, None)
        except Exception as problem:
            part.unlink(missing_ok=True)
            error = problem
            if isinstance(problem, requests.HTTPError) and problem.response.status_code < 500:
                break
    return Download(url, None, 0, error)
