"""Gathers everything at once; `concurrency` and `per_host` are never used.

caught-by: test_fetch_all_keeps_and_uses_concurrency (failed)
says: "open at once"
misconception: M19 parallel pays always
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
    once = list(dict.fromkeys(urls))
    pages = dict(zip(once, await asyncio.gather(*(load(url, 0, fetch, timeout) for url in once)), strict=True))
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
    known, level = {start}, [start]
    for depth in range(max_depth + 1):
        chosen = level[: max_pages - len(pages)]
        arrived = await asyncio.gather(*(load(url, depth, fetch, timeout) for url in chosen))
        pages.extend(arrived)
        level = []
        for link in (link for page in arrived for link in page.links):
            url = normalise(link)
            if url not in known and same_site(url, start, names):
                known.add(url)
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
