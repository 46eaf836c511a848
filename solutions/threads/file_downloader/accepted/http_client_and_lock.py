"""http.client with one connection per attempt; the workers call the callback themselves, under a lock."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Download:
    """What became of one URL."""

    url: str
    path: Path | None
    size: int
    error: Exception | None


class Reporter:
    """Passes Downloads on to the callback, one at a time, until it raises."""

    def __init__(self, callback: Callable[[Download], None] | None) -> None:
        self._callback = callback
        self._lock = threading.Lock()
        self.failure: BaseException | None = None

    def report(self, download: Download) -> None:
        with self._lock:
            if self._callback is None or self.failure is not None:
                return
            try:
                self._callback(download)
            except BaseException as failure:
                self.failure = failure


class Refused(Exception):
    """The server answered with a status other than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


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
    owners: dict[str, str] = {}
    for url in urls:
        name = urlsplit(url).path.split("/")[-1]
        if not name.strip("."):
            raise ValueError(f"no file name: {url}")
        if owners.setdefault(name, url) != url:
            raise ValueError(f"{name} is the name of two files")
    dest.mkdir(parents=True, exist_ok=True)

    reporter = Reporter(on_progress)

    def one(item: tuple[int, str]) -> Download | None:
        number, name = item
        if reporter.failure is not None:
            return None
        download = fetch(owners[name], dest / name, dest / f".{number}-{name}~", timeout, retries, reporter)
        reporter.report(download)
        return download

    with ThreadPoolExecutor(max_workers) as pool:
        done = dict(zip(owners.values(), pool.map(one, enumerate(owners)), strict=True))
    if reporter.failure is not None:
        raise reporter.failure
    return [done[url] for url in urls]


def fetch(url: str, target: Path, part: Path, timeout: float, retries: int, reporter: Reporter) -> Download:
    """Try up to 1 + `retries` times."""
    attempt = 0
    while True:
        attempt += 1
        try:
            size = copy(url, part, timeout)
            part.replace(target)
            return Download(url, target, size, None)
        except Exception as error:
            part.unlink(missing_ok=True)
            final = isinstance(error, Refused) and error.status < 500
            if final or attempt > retries or reporter.failure is not None:
                return Download(url, None, 0, error)


def copy(url: str, part: Path, timeout: float) -> int:
    """One request; the socket's timeout is what is left of the deadline before each read."""
    parts = urlsplit(url)
    deadline = time.monotonic() + timeout
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.connect()
        sock = connection.sock
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        with connection.getresponse() as response:
            if response.status != 200:
                raise Refused(response.status)
            expected = response.length
            size = 0
            with part.open("wb") as file:
                while expected is None or size < expected:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise TimeoutError(f"{url}: {timeout} s are over")
                    sock.settimeout(left)
                    data = response.read1(65536)
                    if not data:
                        break
                    size += file.write(data)
            if expected is not None and size < expected:
                raise ConnectionError(f"{url}: {size} bytes of {expected}")
            return size
    finally:
        connection.close()
