"""An event loop counts and reports, a semaphore bounds, threads with urllib do the blocking work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit


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
    """Fetch every URL into `dest`; results in the order of `urls`."""
    if max_workers < 1:
        raise ValueError("max_workers must be at least 1")
    by_name: dict[str, str] = {}
    for url in urls:
        name = Path(urlsplit(url).path).name if not urlsplit(url).path.endswith("/") else ""
        if not name or by_name.setdefault(name, url) != url:
            raise ValueError(f"missing or repeated file name in {url}")
    dest.mkdir(parents=True, exist_ok=True)
    done = asyncio.run(fetch_all(by_name, dest, max_workers, timeout, retries, on_progress))
    return [done[url] for url in urls]


async def fetch_all(
    by_name: dict[str, str],
    dest: Path,
    max_workers: int,
    timeout: float,
    retries: int,
    on_progress: Callable[[Download], None] | None,
) -> dict[str, Download]:
    """The Download of each URL; the first exception of the callback stops what has not begun."""
    loop = asyncio.get_running_loop()
    slots = asyncio.Semaphore(max_workers)
    done: dict[str, Download] = {}
    failures: list[BaseException] = []

    async def one(number: int, name: str, url: str) -> None:
        download = None
        async with slots:
            for attempt in range(retries + 1):
                if failures:
                    return
                part = dest / f"{number}.{os.getpid()}.{name}.part"
                download, again = await loop.run_in_executor(pool, fetch, url, dest / name, part, timeout)
                if not again:
                    break
        if download is None or failures:
            return
        done[url] = download
        if on_progress is not None:
            # On the loop's own thread, so never two at once.
            try:
                on_progress(download)
            except BaseException as failure:
                failures.append(failure)

    with ThreadPoolExecutor(max_workers) as pool:
        await asyncio.gather(*(one(number, name, url) for number, (name, url) in enumerate(by_name.items())))
    if failures:
        raise failures[0]
    return done


def fetch(url: str, target: Path, part: Path, timeout: float) -> tuple[Download, bool]:
    """One attempt, and whether another one could help."""
    deadline = time.monotonic() + timeout
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response, part.open("wb") as file:
            expected = response.length
            while chunk := response.read1(65536):
                file.write(chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{url} took longer than {timeout} s")
            size = file.tell()
        if expected is not None and size != expected:
            raise ConnectionError(f"{url} ended after {size} of {expected} bytes")
        os.replace(part, target)
        return Download(url, target, size, None), False
    except urllib.error.HTTPError as error:
        error.close()
        return Download(url, None, 0, error), error.code >= 500
    except (OSError, HTTPException) as error:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        return Download(url, None, 0, error), True
