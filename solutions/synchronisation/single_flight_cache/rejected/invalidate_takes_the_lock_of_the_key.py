"""A lock for each key, which invalidate takes, too: it waits until the load has ended.

caught-by: test_a_slow_load_keeps_nobody_else_waiting (failed)
says: "invalidate of that key had to wait"
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
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            self._values.pop(key, None)
