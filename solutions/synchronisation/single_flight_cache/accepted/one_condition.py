"""One Condition for the whole cache: every end of a load wakes all who wait, and each looks at its own entry."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


@dataclass(eq=False)
class Entry:
    state: str = "loading"  # then "there" or "failed"
    outcome: Any = None
    since: float = 0.0


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._clock = load, clock
        self._ttl = float("inf") if ttl is None else ttl
        self._changed = threading.Condition()
        self._entries: dict[K, Entry] = {}
        self._loading: dict[int, list[K]] = {}  # by thread

    def get(self, key: K) -> V:
        me = threading.get_ident()
        with self._changed:
            if key in self._loading.get(me, ()):
                raise LoadCycle(f"{key!r} needs itself: {self._loading[me]}")
            entry = self._entries.get(key)
            if entry is not None and entry.state == "there" and self._clock() - entry.since > self._ttl:
                entry = None
            if entry is not None:
                while entry.state == "loading":
                    self._changed.wait()
                if entry.state == "failed":
                    raise entry.outcome
                return entry.outcome  # type: ignore[no-any-return]
            entry = self._entries[key] = Entry()
            self._loading.setdefault(me, []).append(key)
        state = "failed"
        try:
            entry.outcome = self._load(key)
            state = "there"
        except BaseException as error:
            entry.outcome = error
            raise
        finally:
            with self._changed:
                self._loading[me].pop()
                if not self._loading[me]:
                    del self._loading[me]  # numbers of threads are used again
                if state == "failed" and self._entries.get(key) is entry:
                    del self._entries[key]
                entry.since = self._clock()
                entry.state = state
                self._changed.notify_all()
        return entry.outcome  # type: ignore[no-any-return]

    def invalidate(self, key: K) -> None:
        with self._changed, contextlib.suppress(KeyError):
            del self._entries[key]
