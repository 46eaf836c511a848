"""Ten connections for a hundred requests: the stub. README.md tells the task; `pool_types.py` is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from pool_types import BrokenConnection, PoolClosed, PoolStats, PoolTimeout

__all__ = ["GUARDED_BY", "BrokenConnection", "ConnectionPool", "PoolClosed", "PoolStats", "PoolTimeout"]

C = TypeVar("C")

# TODO: the name of each lock, and the attributes that are only touched while it is held: {"_lock": ("_one", "_other")}.
GUARDED_BY: dict[str, tuple[str, ...]] = {}


class ConnectionPool(Generic[C]):
    """Lends at most `size` connections to any number of threads."""

    def __init__(
        self,
        connect: Callable[[], C],
        *,
        size: int,
        is_healthy: Callable[[C], bool] = lambda conn: True,
        close_conn: Callable[[C], None] = lambda conn: None,
    ) -> None:
        # TODO: which connections does nobody have, how many are there, and what do threads wait with?
        raise NotImplementedError

    @contextmanager
    def lease(self, timeout: float | None = None) -> Iterator[C]:
        """Lend a connection for the time of the `with` block. Raises PoolTimeout and PoolClosed."""
        # TODO: for each line in here that can raise: what do you hold then, and who gives it back?
        raise NotImplementedError
        yield

    def stats(self) -> PoolStats:
        """The numbers of this moment."""
        raise NotImplementedError

    def close(self) -> None:
        """Lend no more, close what nobody has, wake who waits. Does not wait for leases."""
        raise NotImplementedError
