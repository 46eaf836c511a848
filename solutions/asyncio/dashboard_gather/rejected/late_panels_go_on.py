"""asyncio.wait with a timeout, which cancels nobody.

caught-by: test_late_panels_are_cancelled_and_clean_up (failed)
says: "were still running"
misconception: M17 the process will clean up after me
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

    tasks = {name: asyncio.create_task(ask(name, source)) for name, source in panels.items()}
    late = set()
    try:
        _, late = await asyncio.wait(tasks.values(), timeout=timeout)
    except asyncio.CancelledError:
        await _end(tasks.values())
        raise
    finally:
        pool.shutdown(wait=False)
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
