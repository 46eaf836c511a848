"""Workers that live through the whole call, a queue for each host, and `join()` as the barrier after each depth."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
    pages: dict[str, Page] = {}
    todo = iter(dict.fromkeys(urls))  # shared by the workers: `next` has no await, so nobody gets the same URL

    async def worker() -> None:
        for url in todo:
            pages[url] = await load(url, 0, fetch, timeout)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(urls))):
            group.create_task(worker())
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
    home = urlsplit(start)
    places = asyncio.Semaphore(concurrency)
    queues: dict[str | None, asyncio.Queue[str]] = {host: asyncio.Queue() for host in hosts or {home.hostname}}
    queues.setdefault(home.hostname, asyncio.Queue())
    pages: list[Page] = []
    known = {start}
    found: list[str] = []  # for the next depth
    depth = 0

    async def worker(queue: asyncio.Queue[str]) -> None:
        while True:
            url = await queue.get()
            try:
                async with places:
                    page = await load(url, depth, fetch, timeout)
                pages.append(page)
                for link in map(normalise, page.links):
                    parts = urlsplit(link)
                    same_site = parts.scheme == home.scheme and parts.port == home.port and parts.hostname in queues
                    if same_site and link not in known and len(known) < max_pages:
                        known.add(link)
                        found.append(link)
            finally:
                queue.task_done()

    workers = [asyncio.create_task(worker(queue)) for queue in queues.values() for _ in range(per_host)]
    try:
        queues[home.hostname].put_nowait(start)
        while True:
            for queue in queues.values():
                await queue.join()
            if not found or depth == max_depth:
                break
            depth += 1
            for url in found:
                queues[urlsplit(url).hostname].put_nowait(url)
            found.clear()
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return sorted(pages, key=lambda page: (page.depth, page.url))


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
