"""Inside a load, takes a key that any thread is loading for a circle.

caught-by: test_loads_that_need_the_same_part_share_it (failed)
says: "LoadCycle"
misconception: M05 locking the change is enough
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class _Flight(Generic[V]):
    def __init__(self) -> None:
        self.future: Future[V] = Future()
        self.loaded_at: float | None = None  # None while it is loading: a load that takes long does not expire


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._ttl, self._clock = load, ttl, clock
        self._lock = threading.Lock()  # of the table; never held while somebody loads or waits
        self._flights: dict[K, _Flight[V]] = {}
        self._here = threading.local()  # which keys is this thread loading?

    def get(self, key: K) -> V:
        loading = self._here.__dict__.setdefault("keys", [])
        with self._lock:
            there = self._flights.get(key)
        if loading and there is not None and not there.future.done():
            raise LoadCycle(" -> ".join(map(repr, [*loading, key])))
        with self._lock:
            flight = self._flights.get(key)
            first = flight is None or self._is_old(flight)
            if flight is None or first:
                flight = self._flights[key] = _Flight()
        if not first:
            return flight.future.result()
        loading.append(key)
        try:
            value = self._load(key)
            flight.loaded_at = self._clock()
        except BaseException as error:
            # First out of the table, then told: who was told and asks again must not find it there.
            with self._lock:
                if self._flights.get(key) is flight:  # else it was invalidated, and a newer load may be in its place
                    del self._flights[key]
            flight.future.set_exception(error)
            raise
        finally:
            loading.pop()
        # Nothing is stored here: if the flight was invalidated meanwhile, it is no longer in the table.
        flight.future.set_result(value)
        return value

    def invalidate(self, key: K) -> None:
        with self._lock:
            self._flights.pop(key, None)

    def _is_old(self, flight: _Flight[V]) -> bool:
        return self._ttl is not None and flight.loaded_at is not None and self._clock() - flight.loaded_at > self._ttl
