"""Every thread has a cache of its own, so nothing needs a lock and nothing is shared.

caught-by: test_who_comes_at_the_same_time_shares_one_load (failed)
says: "loads for one key"
misconception: M13 works here, so works
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._ttl, self._clock = load, ttl, clock
        self._mine = threading.local()

    def get(self, key: K) -> V:
        values = self._mine.__dict__.setdefault("values", {})
        if key not in values or (self._ttl is not None and self._clock() - values[key][1] > self._ttl):
            values[key] = self._load(key), self._clock()
        return values[key][0]

    def invalidate(self, key: K) -> None:
        self._mine.__dict__.setdefault("values", {}).pop(key, None)
