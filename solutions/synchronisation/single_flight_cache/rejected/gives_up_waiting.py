"""Waits five seconds for another thread's load, then loads itself.

caught-by: test_who_waits_takes_no_steps (failed)
says: "then it called load itself"
misconception: M09 a timeout belongs to one wait
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


class Flight(Generic[V]):
    def __init__(self) -> None:
        self.ended = threading.Event()
        self.thread = threading.get_ident()
        self.value: V
        self.error: BaseException | None = None

    def result(self) -> V:
        self.ended.wait()
        if self.error is not None:
            raise self.error
        return self.value


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._ttl, self._clock = load, ttl, clock
        self._lock = threading.Lock()
        self._values: dict[K, tuple[V, float]] = {}
        self._flights: dict[K, Flight[V]] = {}

    def get(self, key: K) -> V:
        with self._lock:
            if key in self._values:
                value, loaded_at = self._values[key]
                if self._ttl is None or self._clock() - loaded_at <= self._ttl:
                    return value
                del self._values[key]
            flight = self._flights.get(key)
            first = flight is None
            if flight is None:
                flight = self._flights[key] = Flight()
            elif flight.thread == threading.get_ident():
                raise LoadCycle(f"{key!r} needs itself")
        if first:
            self._fly(key, flight)
        if not flight.ended.wait(5):
            self._fly(key, flight)
        return flight.result()

    def _fly(self, key: K, flight: Flight[V]) -> None:
        try:
            flight.value = self._load(key)
        except BaseException as error:
            flight.error = error
        # Out of one table and into the other in one step, and only by the load that is still in its place.
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
                if flight.error is None:
                    self._values[key] = flight.value, self._clock()
        flight.ended.set()

    def invalidate(self, key: K) -> None:
        with self._lock:
            self._values.pop(key, None)
            self._flights.pop(key, None)
