"""Every load runs in a thread of its own; who wants the value joins that thread. The keys above travel along."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class Loader(threading.Thread):
    """Loads one key. `above`: the keys that are waiting for it, in the caller and in the callers of the caller."""

    def __init__(self, cache: SingleFlight[K, V], key: K, above: tuple[K, ...]) -> None:
        super().__init__(name=f"load {key!r}", daemon=True)
        self.cache, self.key, self.above = cache, key, (*above, key)
        self.value = None
        self.error: BaseException | None = None
        self.end: float | None = None

    def run(self) -> None:
        self.cache.above.keys = self.above
        try:
            self.value = self.cache.load(self.key)
        except BaseException as error:
            self.error = error
        self.cache.landed(self)


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.load = load
        self.ttl = ttl
        self.clock = clock
        self.lock = threading.Lock()
        self.loaders: dict[K, Loader] = {}
        self.above = threading.local()

    def get(self, key: K) -> V:
        above = getattr(self.above, "keys", ())
        if key in above:
            raise LoadCycle(f"{key!r} is asked for by its own load")
        with self.lock:
            loader = self.loaders.get(key)
            if loader is None or (
                loader.end is not None and self.ttl is not None and self.clock() - loader.end > self.ttl
            ):
                loader = self.loaders[key] = Loader(self, key, above)
                loader.start()
        loader.join()
        if loader.error is not None:
            raise loader.error
        return loader.value  # type: ignore[return-value]

    def landed(self, loader: Loader) -> None:
        with self.lock:
            loader.end = self.clock()
            if loader.error is not None and self.loaders.get(loader.key) is loader:
                del self.loaders[loader.key]

    def invalidate(self, key: K) -> None:
        with self.lock:
            self.loaders.pop(key, None)
