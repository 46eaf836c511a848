"""No two loads of one key at a time: after invalidate, the next get waits for the old load to end. Interrupted loads are tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class Place(Generic[V]):
    """All that is known of one key."""

    def __init__(self) -> None:
        self.loading_in: int | None = None
        self.out_of_date = False  # invalidated since the load began
        self.round = 0  # of loads that have begun
        self.outcomes: dict[int, tuple[V | None, BaseException | None]] = {}
        self.waiting: dict[int, int] = {}  # how many still want the outcome of which round
        self.kept: tuple[V, float] | None = None


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._ttl, self._clock = load, ttl, clock
        self._places: dict[K, Place[V]] = {}
        self._changed = threading.Condition()

    def get(self, key: K) -> V:
        me = threading.get_ident()
        with self._changed:
            while True:
                place = self._places.setdefault(key, Place())
                if place.kept is not None:
                    value, since = place.kept
                    if self._ttl is None or self._clock() - since <= self._ttl:
                        return value
                    place.kept = None
                if place.loading_in == me:
                    raise LoadCycle(f"{key!r} is asked for while this thread loads it")
                if place.loading_in is None:
                    break
                if place.out_of_date:
                    self._changed.wait()
                    continue
                value_or_none, error = self._wait_for_round(place)
                if error is None:
                    return value_or_none  # type: ignore[return-value]
                if isinstance(error, Exception):
                    raise error
                # The other thread was interrupted, which says nothing about the value: round again.
            place.loading_in, place.out_of_date = me, False
            place.round += 1
        value: Any = None
        failure: BaseException | None = None
        try:
            value = self._load(key)
            return value
        except BaseException as error:
            failure = error
            raise
        finally:
            self._land(key, place, value, failure)

    def _wait_for_round(self, place: Place[V]) -> tuple[V | None, BaseException | None]:
        number = place.round
        place.waiting[number] = place.waiting.get(number, 0) + 1
        while number not in place.outcomes:
            self._changed.wait()
        outcome = place.outcomes[number]
        place.waiting[number] -= 1
        if not place.waiting[number]:
            del place.waiting[number], place.outcomes[number]
        return outcome

    def _land(self, key: K, place: Place[V], value: V, failure: BaseException | None) -> None:
        with self._changed:
            if place.round in place.waiting:
                place.outcomes[place.round] = value, failure
            if failure is None and not place.out_of_date:
                place.kept = value, self._clock()
            place.loading_in = None
            if place.kept is None and self._places.get(key) is place:
                del self._places[key]  # those who wait for an outcome hold the place themselves
            self._changed.notify_all()

    def invalidate(self, key: K) -> None:
        with self._changed:
            place = self._places.get(key)
            if place is not None:
                place.kept = None
                place.out_of_date = True
                if place.loading_in is None:
                    del self._places[key]
