"""functools.cache: it keeps what was loaded, but says itself that a function may be called more than once.

caught-by: test_who_comes_at_the_same_time_shares_one_load (failed)
says: "loads for one key"
misconception: M03 the GIL makes my code atomic
"""

from __future__ import annotations

import functools
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
        self._cached = functools.cache(load)

    def get(self, key: K) -> V:
        return self._cached(key)

    def invalidate(self, key: K) -> None:
        self._cached.cache_clear()
