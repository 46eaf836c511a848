"""Given: what the pool raises and what it reports. Read it, use it, leave it as it is."""

from __future__ import annotations

from dataclasses import dataclass


class PoolTimeout(Exception):
    """No connection came free in time."""


class PoolClosed(Exception):
    """The pool lends no connections any more."""


class BrokenConnection(Exception):
    """Raised by who uses a connection: it is of no use any more."""


@dataclass(frozen=True)
class PoolStats:
    """`open`: connections that exist; `in_use`: leases that are held; `waiting`: threads that wait for their turn."""

    open: int
    in_use: int
    waiting: int
