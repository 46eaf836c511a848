"""No semaphore and no queue: one coroutine owns all state and starts the next fetch whenever one ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


async def fetch_all(urls: Sequence[str], fetch: Fetch, *, concurrency: int = 8, timeout: float = 3.0) -> list[Page]:
    pages = await _dispatch(list(dict.fromkeys(urls)), 0, fetch, timeout, concurrency, concurrency, lambda url: None)
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
    home = urlsplit(normalise(start))
    names = hosts if hosts is not None else frozenset({home.hostname})
    report: dict[str, Page] = {}
    level = [normalise(start)]
    for depth in range(max_depth + 1):
        level = level[: max_pages - len(report)]
        if not level:
            break
        pages = await _dispatch(level, depth, fetch, timeout, concurrency, per_host, lambda url: urlsplit(url).hostname)
        report.update(pages)
        linked = dict.fromkeys(normalise(link) for page in pages.values() for link in page.links)
        level = [url for url in linked if url not in report and _is_inside(url, home.scheme, home.port, names)]
    return sorted(report.values(), key=lambda page: (page.depth, page.url))


def _is_inside(url: str, scheme: str, port: int | None, names: frozenset[str | None] | frozenset[str]) -> bool:
    parts = urlsplit(url)
    return parts.scheme == scheme and parts.port == port and parts.hostname in names


async def _dispatch(
    urls: list[str],
    depth: int,
    fetch: Fetch,
    timeout: float,
    total: int,
    per_group: int,
    group_of: Callable[[str], str | None],
) -> dict[str, Page]:
    waiting = list(urls)
    running: dict[asyncio.Task[Page], str] = {}
    pages: dict[str, Page] = {}
    try:
        while waiting or running:
            load = Counter(group_of(url) for url in running.values())
            for url in list(waiting):
                if len(running) < total and load[group_of(url)] < per_group:
                    waiting.remove(url)
                    load[group_of(url)] += 1
                    running[asyncio.create_task(_load(url, depth, fetch, timeout))] = url
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                pages[running.pop(task)] = task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return pages


async def _load(url: str, depth: int, fetch: Fetch, timeout: float) -> Page:
    try:
        response = await asyncio.wait_for(fetch(url), timeout)
        if response.status >= 400:
            return Page(url, response.status, None, (), depth, f"HTTP {response.status}")
        title, links = extract(response.text, url)
        return Page(url, response.status, title, links, depth, None)
    except TimeoutError:
        return Page(url, None, None, (), depth, "timeout")
    except Exception as problem:
        return Page(url, None, None, (), depth, problem.__class__.__name__)
