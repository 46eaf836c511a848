"""Loads while it holds the lock of the whole cache.

caught-by: test_different_keys_load_at_the_same_time (failed)
says: "at most 1 load(s) ran at once"
misconception: M07 more locking is safer
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
        self._lock = threading.Lock()
        self._values: dict[K, tuple[V, float]] = {}

    def get(self, key: K) -> V:
        with self._lock:
            if key in self._values:
                value, loaded_at = self._values[key]
                if self._ttl is None or self._clock() - loaded_at <= self._ttl:
                    return value
            value = self._load(key)
            self._values[key] = value, self._clock()
            return value

    def invalidate(self, key: K) -> None:
        with self._lock:
            self._values.pop(key, None)
