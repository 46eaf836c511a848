"""Plain threads: a queue of URLs in, a queue of Downloads out, and the calling thread reports."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

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
    """Fetch every URL into `dest`; results in the order of `urls`."""
    if max_workers < 1:
        raise ValueError("max_workers must be at least 1")
    names = {url: file_name(url) for url in urls}
    if len(set(names.values())) < len(names):
        raise ValueError("two URLs have the same file name")
    dest.mkdir(parents=True, exist_ok=True)
    if not names:
        return []

    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    finished: queue.SimpleQueue[Download | None] = queue.SimpleQueue()
    stop = threading.Event()
    for url in names:
        waiting.put(url)

    with TemporaryDirectory(prefix=".parts-", dir=dest) as parts:

        def work() -> None:
            with requests.Session() as session:
                while not stop.is_set():
                    try:
                        url = waiting.get_nowait()
                    except queue.Empty:
                        break
                    part = Path(parts, names[url])
                    finished.put(fetch(session, url, part, dest / names[url], timeout, retries, stop))
            finished.put(None)

        threads = [threading.Thread(target=work, name=f"fetch-{n}") for n in range(min(max_workers, len(names)))]
        for thread in threads:
            thread.start()
        done: dict[str, Download] = {}
        running = len(threads)
        try:
            while running:
                download = finished.get()
                if download is None:
                    running -= 1
                    continue
                done[download.url] = download
                if on_progress is not None:
                    on_progress(download)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    return [done[url] for url in urls]


def file_name(url: str) -> str:
    """The decoded last segment of the URL's path."""
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"{url} does not end in a usable file name")
    return name


def fetch(
    session: requests.Session,
    url: str,
    part: Path,
    target: Path,
    timeout: float,
    retries: int,
    stop: threading.Event,
) -> Download:
    """Fetch one URL; an exception becomes part of the Download."""
    for left in range(retries, -1, -1):
        try:
            deadline = time.monotonic() + timeout
            with session.get(url, stream=True, timeout=timeout) as response:
                if 400 <= response.status_code < 500:
                    left = 0
                response.raise_for_status()
                with part.open("wb") as file:
                    while data := response.raw.read1(16384, decode_content=True):
                        file.write(data)
                        if time.monotonic() > deadline:
                            raise TimeoutError(f"gave up on {url} after {timeout} s")
            size = part.stat().st_size
            os.replace(part, target)
            return Download(url, target, size, None)
        except Exception as error:
            if not left or stop.is_set():
                return Download(url, None, 0, error)
    raise AssertionError("unreachable")
