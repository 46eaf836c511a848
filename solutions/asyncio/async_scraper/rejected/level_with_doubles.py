"""Marks a page when it has arrived: two pages of one depth put the same link into the next depth twice.

caught-by: test_each_page_is_requested_once (failed)
says: "before either had marked it"
misconception: M05 locking the change is enough
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from site_tools import Fetch, extract, normalise


@dataclass(frozen=True)
class Page:
    url: str
    status: int | None
    title: str | None
    links: tuple[str, ...]
    depth: int
    error: str | None


async def fetch_all(urls: Sequence[str], fetch: Fetch, *, concurrency: int = 8, timeout: float = 3.0) -> list[Page]:
    places = asyncio.Semaphore(concurrency)

    async def load_in_turn(url: str) -> Page:
        async with places:
            return await load(url, 0, fetch, timeout)

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
    start = normalise(start)
    names = hosts or frozenset([urlsplit(start).hostname])
    places = asyncio.Semaphore(concurrency)
    places_at = {host: asyncio.Semaphore(per_host) for host in [urlsplit(start).hostname, *names]}

    async def load_politely(url: str, depth: int) -> Page:
        async with places_at[urlsplit(url).hostname], places:
            return await load(url, depth, fetch, timeout)

    pages: list[Page] = []
    visited: set[str] = set()
    level = [start]
    for depth in range(max_depth + 1):
        chosen = level[: max_pages - len(pages)]
        arrived = await asyncio.gather(*(load_politely(url, depth) for url in chosen))
        pages.extend(arrived)
        visited.update(chosen)
        level = []
        for link in (link for page in arrived for link in page.links):
            url = normalise(link)
            if url not in visited and same_site(url, start, names):
                level.append(url)
    return sorted(pages, key=lambda page: (page.depth, page.url))


def same_site(url: str, start: str, names: frozenset[str]) -> bool:
    parts, home = urlsplit(url), urlsplit(start)
    return parts.scheme == home.scheme and parts.port == home.port and parts.hostname in names


async def load(url: str, depth: int, fetch: Fetch, timeout: float) -> Page:
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
