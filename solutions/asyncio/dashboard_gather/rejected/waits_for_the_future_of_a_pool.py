"""Starts threads, then waits for them with a blocking `result()`.

caught-by: test_a_blocking_panel_does_not_stop_the_event_loop (failed)
says: "pool.submit(source).result()"
misconception: M16 a blocking call in a coroutine is fine
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

PanelSource = Callable[[], Awaitable[Any]] | Callable[[], Any]


@dataclass(frozen=True)
class Panel:
    """One panel of the page. A panel that could not be had has an `error` and the value None."""

    name: str
    value: Any | None
    error: str | None  # "timeout", or the name of the exception's class
    elapsed: float  # seconds from its start to its end


async def load_dashboard(panels: Mapping[str, PanelSource], *, timeout: float = 1.0) -> list[Panel]:
    """Ask all sources at the same time and return one Panel for each, in the order of `panels`."""
    # Threads are started only when a blocking source needs one. The pool of asyncio.to_thread would be too small.
    pool = ThreadPoolExecutor(max(1, len(panels)), thread_name_prefix="panel")
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_load(name, source, timeout, pool)) for name, source in panels.items()]
    finally:
        pool.shutdown(wait=False)  # waiting for a late thread would stop the event loop
    return [task.result() for task in tasks]


async def _load(name: str, source: PanelSource, timeout: float, pool: Executor) -> Panel:
    """Turn one source into a Panel. Only a cancellation gets out of here: it is no `Exception`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    limit = asyncio.timeout(timeout)
    value, error = None, None
    try:
        async with limit:
            value = await _ask(source, pool)
    except Exception as problem:
        # A source may have timeouts of its own: only ours says that it is late.
        late = isinstance(problem, TimeoutError) and limit.expired()
        error = "timeout" if late else type(problem).__name__
    return Panel(name, value, error, loop.time() - began)


async def _ask(source: PanelSource, pool: Executor) -> Any:
    if inspect.iscoroutinefunction(source):
        return await source()
    value = pool.submit(source).result()
    return await value if inspect.isawaitable(value) else value
