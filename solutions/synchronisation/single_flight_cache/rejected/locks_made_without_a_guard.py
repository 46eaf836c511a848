"""A lock for each key, but two threads may each make one for the same key.

caught-by: test_who_comes_at_the_same_time_shares_one_load (failed)
says: "loads for one key"
misconception: M04 a lock protects wherever it is created
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
        self._locks: dict[K, threading.Lock] = {}
        self._values: dict[K, tuple[V, float]] = {}

    def get(self, key: K) -> V:
        if key not in self._locks:
            self._locks[key] = threading.Lock()
        with self._locks[key]:
            if key in self._values:
                value, loaded_at = self._values[key]
                if self._ttl is None or self._clock() - loaded_at <= self._ttl:
                    return value
            value = self._load(key)
            self._values[key] = value, self._clock()
            return value

    def invalidate(self, key: K) -> None:
        self._values.pop(key, None)
