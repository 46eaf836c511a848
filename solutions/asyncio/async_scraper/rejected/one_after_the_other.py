"""Awaits one page, then the next.

caught-by: test_eight_pages_are_on_their_way_at_once (failed)
says: "in a loop waits for one page"
misconception: M01 starting is running at the same time
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
    pages: dict[str, Page] = {}
    for url in urls:
        if url not in pages:
            pages[url] = await load(url, 0, fetch, timeout)
    return [pages[url] for url in urls]


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
    pages: list[Page] = []
    known = {start}
    waiting = [(0, start)]
    while waiting and len(pages) < max_pages:
        depth, url = waiting.pop(0)
        page = await load(url, depth, fetch, timeout)
        pages.append(page)
        for link in map(normalise, page.links):
            if depth < max_depth and link not in known and same_site(link, start, names):
                known.add(link)
                waiting.append((depth + 1, link))
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
