"""Drafts are overlays in a threading.local; waiters and subscribers have a queue each, filled by whoever commits."""

from __future__ import annotations

import dataclasses
import queue
import sys
import threading
import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any

GONE = object()
Settings = Mapping[str, Any]


class Overlay(MutableMapping[str, Any]):
    """Changes on top of a version; what was deleted stands there as GONE."""

    def __init__(self, below: Settings) -> None:
        self.changes: dict[str, Any] = {}
        self.all = ChainMap(self.changes, below)  # type: ignore[arg-type]

    def __getitem__(self, key: str) -> Any:
        value = self.all[key]
        if value is GONE:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self.changes[key] = value

    def __delitem__(self, key: str) -> None:
        self[key]
        self.changes[key] = GONE

    def __iter__(self) -> Iterator[str]:
        return (key for key, value in self.all.items() if value is not GONE)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclasses.dataclass(eq=False)
class Subscription:
    fn: Callable[[Settings, Settings], None]
    commits: queue.SimpleQueue[tuple[Settings, Settings]] = dataclasses.field(default_factory=queue.SimpleQueue)
    turn: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def tell(self) -> None:
        """Whoever finds the turn free tells all that is there, and looks again after giving the turn back."""
        while not self.commits.empty():
            if not self.turn.acquire(blocking=False):
                return
            try:
                while True:
                    try:
                        commit = self.commits.get_nowait()
                    except queue.Empty:
                        break
                    try:
                        self.fn(*commit)
                    except Exception:
                        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
            finally:
                self.turn.release()


class SettingsStore:
    def __init__(self, initial: Settings = MappingProxyType({})) -> None:
        self._settings: Settings = MappingProxyType({**initial})
        self._writers = threading.Semaphore()
        self._mine = threading.local()
        self._lists = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._waiters: dict[int, queue.SimpleQueue[Settings]] = {}
        self._count = 0

    def snapshot(self) -> Settings:
        return self._settings

    def get(self, key: str, default: Any = None) -> Any:
        source = getattr(self._mine, "draft", None)
        return (self._settings if source is None else source).get(key, default)

    def set(self, key: str, value: Any) -> None:
        with self.transaction() as draft:
            draft.update({key: value})

    def update(self, key: str, fn: Callable[[Any], Any]) -> Any:
        with self.transaction() as draft:
            draft[key] = value = fn(self.get(key))
        return value

    @contextmanager
    def transaction(self) -> Iterator[MutableMapping[str, Any]]:
        outer = getattr(self._mine, "draft", None)
        if outer is not None:
            yield outer
            return
        listeners: list[Subscription] = []
        with self._writers, ExitStack() as cleanup:
            self._mine.draft = draft = Overlay(self._settings)
            cleanup.callback(self._mine.__dict__.clear)
            yield draft
            listeners = self._commit(MappingProxyType(dict(draft)))
        for listener in listeners:
            listener.tell()

    def _commit(self, new: Settings) -> list[Subscription]:
        with self._lists:
            old, self._settings = self._settings, new
            for waiter in self._waiters.values():
                waiter.put(new)
            for subscription in self._subscriptions:
                subscription.commits.put((old, new))
            return self._subscriptions[:]

    def subscribe(self, fn: Callable[[Settings, Settings], None]) -> Callable[[], None]:
        subscription = Subscription(fn)
        with self._lists:
            self._subscriptions.append(subscription)

        def end() -> None:
            with self._lists:
                if subscription in self._subscriptions:
                    self._subscriptions.remove(subscription)

        return end

    def wait_for(self, predicate: Callable[[Settings], bool], timeout: float | None = None) -> Settings:
        end = float("inf") if timeout is None else time.monotonic() + timeout
        with self._lists:
            self._count += 1
            number, versions = self._count, queue.SimpleQueue[Settings]()
            self._waiters[number] = versions
            version = self._settings
        try:
            while not predicate(version):
                left = None if timeout is None else max(0.0, end - time.monotonic())
                version = versions.get(timeout=left)
        except queue.Empty:
            raise TimeoutError from None
        finally:
            with self._lists:
                del self._waiters[number]
        return version
