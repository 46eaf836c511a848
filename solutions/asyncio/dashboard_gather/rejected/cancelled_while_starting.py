"""Lets each task start before the next; a cancellation in between forgets those that run.

caught-by: test_whenever_it_is_cancelled_no_panel_is_left (failed)
says: "still running"
misconception: M15 cancellation is an error like others, or never comes
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

PanelSource = Callable[[], Awaitable[Any]] | Callable[[], Any]


@dataclass(frozen=True)
class Panel:
    name: str
    value: Any | None
    error: str | None
    elapsed: float


async def load_dashboard(panels: Mapping[str, PanelSource], *, timeout: float = 1.0) -> list[Panel]:
    if not panels:
        return []
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(len(panels))
    began, ended = loop.time(), {}

    async def ask(name: str, source: PanelSource) -> Any:
        try:
            value = source() if inspect.iscoroutinefunction(source) else await loop.run_in_executor(pool, source)
            return await value if inspect.isawaitable(value) else value
        finally:
            ended[name] = loop.time() - began

    tasks = {}
    for name, source in panels.items():
        tasks[name] = asyncio.create_task(ask(name, source))
        await asyncio.sleep(0)  # let it start
    late = set()
    try:
        _, late = await asyncio.wait(tasks.values(), timeout=timeout)
    finally:
        pool.shutdown(wait=False)
        await _end(tasks.values())
    return [
        Panel(name, None, "timeout", timeout) if task in late else _panel(name, task, ended[name])
        for name, task in tasks.items()
    ]


async def _end(tasks: Any) -> None:
    """Cancel the rest and wait for its cleanup, also when this is cancelled in turn."""
    rest, interrupted = [task for task in tasks if not task.done()], None
    for task in rest:
        task.cancel()
    while rest:
        try:
            await asyncio.wait(rest)
        except asyncio.CancelledError as error:
            interrupted = error
        rest = [task for task in rest if not task.done()]
    if interrupted is not None:
        raise interrupted


def _panel(name: str, task: asyncio.Task[Any], elapsed: float) -> Panel:
    problem = task.exception()  # raises CancelledError if that is how it ended
    if problem is None:
        return Panel(name, task.result(), None, elapsed)
    if not isinstance(problem, Exception):
        raise problem
    return Panel(name, None, type(problem).__name__, elapsed)
