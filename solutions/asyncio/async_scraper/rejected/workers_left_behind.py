"""Returns when the queue is done and leaves the workers waiting for more.

caught-by: test_nothing_is_left_behind (failed)
says: "still running when the call returned"
misconception: M17 the process will clean up after me
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
    pages: list[Page] = []
    queues: dict[str, asyncio.Queue[tuple[str, int]]] = {}
    workers: list[asyncio.Task[None]] = []

    async def worker(queue: asyncio.Queue[tuple[str, int]]) -> None:
        while True:
            url, depth = await queue.get()
            async with places:
                pages.append(await load(url, depth, fetch, timeout))
            queue.task_done()

    for host in {urlsplit(start).hostname, *names}:
        queues[host] = asyncio.Queue()
        workers += [asyncio.create_task(worker(queues[host])) for _ in range(per_host)]
    known, level = {start}, [start]
    try:
        for depth in range(max_depth + 1):
            for url in level[: max_pages - len(pages)]:
                queues[urlsplit(url).hostname].put_nowait((url, depth))
            for queue in queues.values():
                await queue.join()
            level = []
            for url in (normalise(link) for page in pages for link in page.links):
                if url not in known and same_site(url, start, names):
                    known.add(url)
                    level.append(url)
    except asyncio.CancelledError:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        raise
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
