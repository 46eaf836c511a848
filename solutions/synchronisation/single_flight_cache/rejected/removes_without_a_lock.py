"""dict.setdefault decides who is first, and an old value is taken out without looking whose it is.

caught-by: test_an_old_value_is_loaded_anew_once (failed)
says: "loads, one was due"
misconception: M03 the GIL makes my code atomic
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


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._clock = load, clock
        self._ttl = ttl
        self._table: dict[K, Future[tuple[V, float]]] = {}
        self._removing = threading.Lock()
        self._path = threading.local()

    def get(self, key: K) -> V:
        path: list[K] = self._path.__dict__.setdefault("keys", [])
        if key in path:
            raise LoadCycle(f"{key!r} again, below {path!r}")
        while True:
            mine: Future[tuple[V, float]] = Future()
            found = self._table.setdefault(key, mine)
            if found is mine:
                path.append(key)
                try:
                    return self._fill(key, mine)
                finally:
                    path.pop()
            if not found.done() or not self._is_old(found):
                return found.result()[0]
            self._remove(key, found)

    def _fill(self, key: K, mine: Future[tuple[V, float]]) -> V:
        try:
            value = self._load(key)
        except BaseException as error:
            self._remove(key, mine)
            mine.set_exception(error)
            raise
        mine.set_result((value, self._clock()))
        return value

    def _is_old(self, found: Future[tuple[V, float]]) -> bool:
        if self._ttl is None or found.exception() is not None:
            return False
        return self._clock() - found.result()[1] > self._ttl

    def _remove(self, key: K, what: Future[tuple[V, float]]) -> None:
        # To look whose entry it is and to take it out must be one step for others who take entries out.
        with self._removing:
            self._table.pop(key, None)

    def invalidate(self, key: K) -> None:
        with self._removing:
            self._table.pop(key, None)
