"""Given: what the pool hands out and what it reports. Read it, use it, leave it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Conn(Protocol):
    """A connection to the database. One task at a time may use it."""

    busy: bool
    """True when a query was cancelled half-way: its answer may still be in the line. `reset` makes it False again."""

    async def query(self, sql: str) -> Any: ...

    async def reset(self) -> None:
        """Throw away what is left of an interrupted query. May fail, and may take for ever. Can be cancelled."""

    async def close(self) -> None:
        """End the connection. May fail. Can be cancelled, and may be called again then."""


@dataclass(frozen=True)
class PoolStats:
    """`open`: connections that exist; `in_use`: leases that are held; `waiting`: tasks that wait for their turn."""

    open: int
    in_use: int
    waiting: int


class PoolClosed(Exception):
    """The pool gives out no leases any more."""
