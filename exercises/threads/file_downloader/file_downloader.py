"""Download many files at once, with a bound on the number of open requests.

Read README.md beside this file for the whole contract.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


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
    """Fetch every URL into the folder `dest` and report one Download per URL, in the order of `urls`.

    At most `max_workers` requests are open at any moment. One attempt, body included, may take about `timeout`
    seconds; connection errors, timeouts and 5xx replies are tried again up to `retries` times.
    `on_progress` gets the Download of each distinct URL as it completes, one call at a time.
    """
    # TODO: start with one function that fetches one URL and returns its Download, whatever happens.
    raise NotImplementedError
