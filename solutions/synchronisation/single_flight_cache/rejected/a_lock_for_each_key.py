"""A lock for each key: who waited for a load that failed loads itself, one after the other.

caught-by: test_a_failure_is_shared_by_all_who_wait (failed)
says: "one after the other"
misconception: M14 errors in the background will be seen
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
        self._guard = threading.Lock()
        self._locks: dict[K, threading.Lock] = {}
        self._values: dict[K, tuple[V, float]] = {}

    def get(self, key: K) -> V:
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key in self._values:
                value, loaded_at = self._values[key]
                if self._ttl is None or self._clock() - loaded_at <= self._ttl:
                    return value
            value = self._load(key)
            self._values[key] = value, self._clock()
            return value

    def invalidate(self, key: K) -> None:
        self._values.pop(key, None)
