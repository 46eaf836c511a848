"""Every source is called in a thread, which is harmless for a coroutine function; `wait_for` gives it its time."""

from __future__ import annotations

import asyncio
import inspect
import time
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


class _Page:
    def __init__(self, size: int, timeout: float) -> None:
        self._pool = ThreadPoolExecutor(size)
        self._timeout = timeout
        self.panels: dict[str, Panel] = {}

    async def load(self, name: str, source: PanelSource) -> None:
        began = time.monotonic()
        try:
            value, error = await asyncio.wait_for(self._settled(source), self._timeout)
        except TimeoutError:  # of wait_for: those of the source are settled
            value, error = None, "timeout"
        self.panels[name] = Panel(name, value, error, time.monotonic() - began)

    async def _settled(self, source: PanelSource) -> tuple[Any, str | None]:
        try:
            value = await asyncio.get_running_loop().run_in_executor(self._pool, source)
            if inspect.isawaitable(value):
                value = await value
        except Exception as problem:
            return None, type(problem).__name__
        return value, None

    def close(self) -> None:
        self._pool.shutdown(wait=False)


async def load_dashboard(panels: Mapping[str, PanelSource], *, timeout: float = 1.0) -> list[Panel]:
    page = _Page(len(panels) + 1, timeout)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(page.load(name, source)) for name, source in panels.items()]
        for task in tasks:
            task.result()  # a group says nothing of tasks that ended as cancelled
    finally:
        page.close()
    return [page.panels[name] for name in panels]
