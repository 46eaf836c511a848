"""Whoever loads holds a lock of its own meanwhile, and whoever waits takes that lock. Versions tell what is out of date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class Load(Generic[V]):
    """One call of load, and what came of it. The lock is held, by the thread that loads, until that is known."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.under_way = threading.Lock()
        self.under_way.acquire()
        self.came: list[V] = []
        self.failed: list[BaseException] = []
        self.at = 0.0


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.RLock()
        self._loads: dict[K, Load[V]] = {}
        self._versions: dict[K, int] = {}
        self._path = threading.local()

    def get(self, key: K) -> V:
        path: tuple[K, ...] = getattr(self._path, "keys", ())
        if key in path:
            raise LoadCycle(f"{path} and again {key!r}")
        with self._lock:
            load, mine = self._usable(key), False
            if load is None:
                load, mine = Load(self._versions.get(key, 0)), True
                self._loads[key] = load
        if mine:
            self._path.keys = (*path, key)
            try:
                load.came.append(self._load(key))
            except BaseException as error:
                load.failed.append(error)
            finally:
                self._path.keys = path
                self._ended(key, load)
        else:
            with load.under_way:
                pass
        if load.failed:
            raise load.failed[0]
        return load.came[0]

    def _usable(self, key: K) -> Load[V] | None:
        load = self._loads.get(key)
        if load is None or load.version != self._versions.get(key, 0):
            return None
        # Nothing came yet, or what came is young enough.
        if load.came and self._ttl is not None and self._clock() > load.at + self._ttl and not load.under_way.locked():
            return None
        return load

    def _ended(self, key: K, load: Load[V]) -> None:
        with self._lock:
            load.at = self._clock()
            if load.failed and self._loads.get(key) is load:
                del self._loads[key]
            load.under_way.release()

    def invalidate(self, key: K) -> None:
        with self._lock:
            if key in self._loads:
                self._versions[key] = self._versions.get(key, 0) + 1
