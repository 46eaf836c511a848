"""A pool of threads fetches, the calling thread collects.

The workers never touch shared results: each returns a Download, and the thread that called `download_all` takes the
futures as they complete. So the callback needs no lock, and it cannot slow the workers down.
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
import urllib3

CHUNK = 64 * 1024
PAUSE = 0.05


@dataclass(frozen=True)
class Download:
    """What became of one URL: `path` and `size` in bytes when it arrived, `error` when it did not."""

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
    """Fetch every URL into the folder `dest` and report one Download per URL, in the order of `urls`."""
    if max_workers < 1:
        raise ValueError(f"max_workers must be at least 1, not {max_workers}")
    targets = _targets(urls, dest)
    dest.mkdir(parents=True, exist_ok=True)

    stop = threading.Event()
    own = threading.local()
    sessions: list[requests.Session] = []

    def open_session() -> None:
        # A Session is not made for several threads, so each worker has its own and reuses its connections.
        own.session = requests.Session()
        # Ask for the bytes as they lie on the mirror; a compressed transfer would have another length.
        own.session.headers["Accept-Encoding"] = "identity"
        sessions.append(own.session)

    def fetch(url: str) -> Download:
        return _fetch(own.session, url, targets[url], timeout, retries, stop)

    done: dict[str, Download] = {}
    try:
        with ThreadPoolExecutor(max_workers, "download", open_session) as pool:
            futures = [pool.submit(fetch, url) for url in targets]
            try:
                for future in as_completed(futures):
                    download = future.result()
                    done[download.url] = download
                    if on_progress is not None:
                        on_progress(download)
            except BaseException:
                # Leaving the `with` block waits for everything that was submitted, so take back what has not begun.
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for session in sessions:
            session.close()
    return [done[url] for url in urls]


def _targets(urls: Sequence[str], dest: Path) -> dict[str, Path]:
    """The file of each distinct URL; ValueError for a URL without a file name and for two with the same."""
    targets: dict[str, Path] = {}
    owners: dict[str, str] = {}
    for url in urls:
        # Not percent-decoded: "%2F" would become a slash, and the name a path out of `dest`.
        name = urlsplit(url).path.rpartition("/")[2]
        if name in {"", ".", ".."}:
            raise ValueError(f"no file name in {url}")
        if owners.setdefault(name, url) != url:
            raise ValueError(f"{url} and {owners[name]} would both be written to {name}")
        targets[url] = dest / name
    return targets


def _fetch(
    session: requests.Session, url: str, target: Path, timeout: float, retries: int, stop: threading.Event
) -> Download:
    """One URL with its retries. Never raises: what went wrong is in the Download."""
    error: Exception = RuntimeError("stopped before the first attempt")
    for attempt in range(retries + 1):
        # The wait between two attempts ends early when everything is to stop.
        if stop.wait(PAUSE * attempt) if attempt else stop.is_set():
            break
        try:
            return Download(url, target, _attempt(session, url, target, timeout), None)
        except Exception as problem:
            error = problem
            if not _worth_another_try(problem):
                break
    return Download(url, None, 0, error)


def _attempt(session: requests.Session, url: str, target: Path, timeout: float) -> int:
    """Fetch `url` once; the bytes written. `target` appears complete or not at all."""
    deadline = time.monotonic() + timeout
    # A name of its own: with plain "x.part", the URLs ".../x" and ".../x.part" would write into each other.
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with session.get(url, stream=True, timeout=timeout) as response, part.open("wb") as file:
            response.raise_for_status()
            size = 0
            # `timeout=` bounds the silence between two packets only. read1 returns what is there instead of
            # waiting for a full chunk, so a body that drips is noticed at the deadline.
            while chunk := response.raw.read1(CHUNK):
                size += file.write(chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{url} was not complete after {timeout} s")
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def _worth_another_try(problem: Exception) -> bool:
    """Is it a connection error, a timeout or a 5xx reply?"""
    if isinstance(problem, requests.HTTPError):
        return problem.response.status_code >= 500
    # The last two come from reading `response.raw`, below requests.
    return isinstance(problem, (requests.ConnectionError, requests.Timeout, TimeoutError, urllib3.exceptions.HTTPError))
