"""A plain gather ends with the first panel that is cancelled; the others clean up alone.

caught-by: test_cancelling_the_dashboard_cancels_its_panels (failed)
says: "waits for its `finally`"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
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
    return await asyncio.gather(*(_load(*item, timeout) for item in panels.items()))


async def _load(name: str, source: PanelSource, timeout: float) -> Panel:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(timeout) as limit:
            if inspect.iscoroutinefunction(source):
                value = await source()
            else:
                value = await _in_a_thread(source)
                if inspect.isawaitable(value):
                    value = await value
        error = None
    except Exception as problem:
        late = limit.expired() and isinstance(problem, TimeoutError)
        value, error = None, "timeout" if late else type(problem).__name__
    return Panel(name, value, error, time.perf_counter() - began)


async def _in_a_thread(source: Callable[[], Any]) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def settle(set_it: Callable[[Any], None], what: Any) -> None:
        if not future.done():  # nobody waits any more for a late thread
            set_it(what)

    def work() -> None:
        try:
            answer = future.set_result, source()
        except Exception as problem:
            answer = future.set_exception, problem
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *answer)

    threading.Thread(target=work, daemon=True).start()
    return await future
