"""One load per key: the stub. README.md tells the task."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class SingleFlight(Generic[K, V]):
    """A cache in which a value that many threads want at once is loaded once."""

    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # TODO: keep the values, and whatever tells a second caller that the first one is already loading.
        raise NotImplementedError

    def get(self, key: K) -> V:
        """The value of `key`: kept, or loaded now, or loaded by another thread while this one waits. Raises LoadCycle."""
        raise NotImplementedError

    def invalidate(self, key: K) -> None:
        """Forget the value of `key`, also one that is being loaded: the next `get` loads anew. Never waits for a load."""
        raise NotImplementedError
