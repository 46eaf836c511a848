"""Workers and a queue, but no barrier between depths: a fast long way overtakes a slow short one.

caught-by: test_depth_is_the_shortest_way (failed)
says: "shortest way"
misconception: M13 works here, so works
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
    places_at = {host: asyncio.Semaphore(per_host) for host in [urlsplit(start).hostname, *names]}
    known = {start}
    pages: list[Page] = []
    queue: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    queue.put_nowait((start, 0))

    async def worker() -> None:
        while True:
            url, depth = await queue.get()
            async with places_at[urlsplit(url).hostname]:
                page = await load(url, depth, fetch, timeout)
            pages.append(page)
            for link in map(normalise, page.links):
                if depth < max_depth and len(known) < max_pages and link not in known and same_site(link, start, names):
                    known.add(link)
                    queue.put_nowait((link, depth + 1))
            queue.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(concurrency)]
    try:
        await queue.join()
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
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
