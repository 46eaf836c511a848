"""Reference: one task group per depth, places handed out by semaphores."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

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
    places = asyncio.Semaphore(concurrency)

    async def load_in_turn(url: str) -> Page:
        async with places:  # outside of the timeout: waiting for a place is not the page's fault
            return await _load(url, 0, fetch, timeout)

    async with asyncio.TaskGroup() as group:
        tasks = {url: group.create_task(load_in_turn(url)) for url in dict.fromkeys(urls)}
    return [tasks[url].result() for url in urls]


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
    start = normalise(start)
    home = urlsplit(start)
    site = hosts if hosts is not None else {home.hostname}
    places = asyncio.Semaphore(concurrency)
    places_at: defaultdict[str | None, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))

    def belongs(url: str) -> bool:
        parts = urlsplit(url)
        return (parts.scheme, parts.port) == (home.scheme, home.port) and parts.hostname in site

    async def load_politely(url: str, depth: int) -> Page:
        # The host's place first: who waits for a busy host must not hold one of the places that another host could use.
        async with places_at[urlsplit(url).hostname], places:
            return await _load(url, depth, fetch, timeout)

    pages: list[Page] = []
    known = {start}
    frontier = [start]
    for depth in range(max_depth + 1):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(load_politely(url, depth)) for url in frontier[: max_pages - len(pages)]]
        # Every page of this depth has arrived: whatever is new now is exactly one deeper. There is no await between
        # looking into `known` and adding to it.
        frontier = []
        for task in tasks:
            page = task.result()
            pages.append(page)
            for url in map(normalise, page.links):
                if url not in known and belongs(url):
                    known.add(url)
                    frontier.append(url)
        if not frontier:
            break
    return sorted(pages, key=lambda page: (page.depth, page.url))


async def _load(url: str, depth: int, fetch: Fetch, timeout: float) -> Page:
    """Turn one URL into a Page. Only a cancellation gets out of here: it is no `Exception`."""
    try:
        async with asyncio.timeout(timeout):
            response = await fetch(url)
    except TimeoutError:
        return Page(url, None, None, (), depth, "timeout")
    except Exception as problem:
        return Page(url, None, None, (), depth, type(problem).__name__)
    if response.status >= 400:
        return Page(url, response.status, None, (), depth, f"HTTP {response.status}")
    title, links = extract(response.text, url)
    return Page(url, response.status, title, links, depth, None)
