"""Tells those who wait of the failure first, and takes it out of the table afterwards.

caught-by: test_nobody_hangs_when_a_load_fails (failed)
says: "was given the same failure once more"
misconception: M09 a signal waits for me
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
        if key in loading:
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
            flight.future.set_exception(error)
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
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
