"""One timeout around the group; when it expires, every panel has the error.

caught-by: test_a_late_panel_times_out_alone (failed)
says: "only 'news' is late"
misconception: M14 errors in the background will be seen
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
        async with asyncio.timeout(timeout), asyncio.TaskGroup() as group:
            tasks = [group.create_task(_load(name, source, pool)) for name, source in panels.items()]
    except TimeoutError:
        return [Panel(name, None, "timeout", timeout) for name in panels]
    finally:
        pool.shutdown(wait=False)  # waiting for a late thread would stop the event loop
    return [task.result() for task in tasks]


async def _load(name: str, source: PanelSource, pool: Executor) -> Panel:
    """Turn one source into a Panel. Only a cancellation gets out of here: it is no `Exception`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    value, error = None, None
    try:
        value = await _ask(source, pool)
    except Exception as problem:
        error = type(problem).__name__
    return Panel(name, value, error, loop.time() - began)


async def _ask(source: PanelSource, pool: Executor) -> Any:
    if inspect.iscoroutinefunction(source):
        return await source()
    value = await asyncio.get_running_loop().run_in_executor(pool, source)
    return await value if inspect.isawaitable(value) else value
