"""Breadth first, a `gather` for each depth; the limits live in a small class around `fetch`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from site_tools import Fetch, Response, extract, http_fetch, normalise

__all__ = ["Fetch", "Page", "Response", "extract", "fetch_all", "http_fetch", "normalise", "scrape"]


@dataclass(frozen=True)
class Page:
    url: str
    status: int | None
    title: str | None
    links: tuple[str, ...]
    depth: int
    error: str | None


class PoliteFetcher:
    """Loads pages and keeps both limits. A plain counter and one condition instead of semaphores."""

    def __init__(self, fetch: Fetch, concurrency: int, per_host: int, timeout: float) -> None:
        self.fetch = fetch
        self.timeout = timeout
        self.concurrency = concurrency
        self.per_host = per_host
        self.open: dict[str | None, int] = {}
        self.changed = asyncio.Condition()

    async def load(self, url: str) -> Page:
        host = urlsplit(url).hostname
        async with self.changed:
            await self.changed.wait_for(lambda: self.has_place(host))
            self.open[host] = self.open.get(host, 0) + 1
        try:
            return await self.load_now(url)
        finally:
            self.open[host] -= 1
            await self.tell()

    def has_place(self, host: str | None) -> bool:
        return sum(self.open.values()) < self.concurrency and self.open.get(host, 0) < self.per_host

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def load_now(self, url: str) -> Page:
        try:
            response = await asyncio.wait_for(self.fetch(url), self.timeout)
        except asyncio.TimeoutError:  # noqa: UP041  (the name that older books use)
            return Page(url, None, None, (), 0, "timeout")
        except Exception as problem:
            return Page(url, None, None, (), 0, type(problem).__name__)
        if response.status >= 400:
            return Page(url, response.status, None, (), 0, f"HTTP {response.status}")
        return Page(url, response.status, *extract(response.text, url), 0, None)

    async def load_together(self, urls: Iterable[str]) -> list[Page]:
        return await asyncio.gather(*(self.load(url) for url in urls))


async def fetch_all(urls: Sequence[str], fetch: Fetch, *, concurrency: int = 8, timeout: float = 3.0) -> list[Page]:
    once = list(dict.fromkeys(urls))
    fetcher = PoliteFetcher(fetch, concurrency, concurrency, timeout)
    page_of = dict(zip(once, await fetcher.load_together(once), strict=True))
    return [page_of[url] for url in urls]


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
    start = normalise(start)
    scheme, port = urlsplit(start).scheme, urlsplit(start).port
    allowed = hosts or frozenset([urlsplit(start).hostname])
    fetcher = PoliteFetcher(fetch, concurrency, per_host, timeout)
    report: dict[str, Page] = {}
    level, depth = {start}, 0
    while level and depth <= max_depth and len(report) < max_pages:
        chosen = sorted(level)[: max_pages - len(report)]
        for page in await fetcher.load_together(chosen):
            report[page.url] = replace(page, depth=depth)
        level = {
            url
            for parent in chosen
            for url in map(normalise, report[parent].links)
            if url not in report
            and urlsplit(url).scheme == scheme
            and urlsplit(url).port == port
            and urlsplit(url).hostname in allowed
        }
        depth += 1
    return sorted(report.values(), key=lambda page: (page.depth, page.url))
