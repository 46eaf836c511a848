"""A dashboard of slow panels. The task is in README.md."""

from __future__ import annotations

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
    # TODO: start with one coroutine that turns one source into a Panel, whatever happens to it.
    raise NotImplementedError
