"""asyncio.to_thread, whose pool is too small for forty panels.

caught-by: test_forty_blocking_panels_wait_together (failed)
says: "How many threads"
misconception: M02 threads always make it faster
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
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
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_load(name, source, timeout)) for name, source in panels.items()]
    return [task.result() for task in tasks]


async def _load(name: str, source: PanelSource, timeout: float) -> Panel:
    """Turn one source into a Panel. Only a cancellation gets out of here: it is no `Exception`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    limit = asyncio.timeout(timeout)
    value, error = None, None
    try:
        async with limit:
            value = await _ask(source)
    except Exception as problem:
        # A source may have timeouts of its own: only ours says that it is late.
        late = isinstance(problem, TimeoutError) and limit.expired()
        error = "timeout" if late else type(problem).__name__
    return Panel(name, value, error, loop.time() - began)


async def _ask(source: PanelSource) -> Any:
    if inspect.iscoroutinefunction(source):
        return await source()
    value = await asyncio.to_thread(source)
    return await value if inspect.isawaitable(value) else value
