"""Asynchronous web scraper. The task is in README.md; `site_tools.py` is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from site_tools import Fetch, Response, extract, http_fetch, normalise

__all__ = ["Fetch", "Page", "Response", "extract", "fetch_all", "http_fetch", "normalise", "scrape"]


@dataclass(frozen=True)
class Page:
    """One page of the report. A page that could not be had has an `error`, no title and no links."""

    url: str
    status: int | None
    title: str | None
    links: tuple[str, ...]
    depth: int
    error: str | None


async def fetch_all(urls: Sequence[str], fetch: Fetch, *, concurrency: int = 8, timeout: float = 3.0) -> list[Page]:
    """Fetch `urls` at the same time, at most `concurrency` at once, and return their pages in the order of `urls`."""
    # TODO: start with one coroutine that turns one URL into a Page and never raises.
    raise NotImplementedError


async def scrape(
    start: str,
    fetch: Fetch,
    *,
    max_depth: int = 2,
    max_pages: int = 200,
    concurrency: int = 8,
    per_host: int = 4,
    timeout: float = 3.0,
    hosts: frozenset[str] | None = None,
) -> list[Page]:
    """Fetch `start` and the pages of its site up to `max_depth` links away; return them sorted by (depth, url)."""
    # TODO: which URLs are known already, and when is nothing left to do?
    raise NotImplementedError
