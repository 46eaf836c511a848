"""A waiter looks all the time.

caught-by: test_what_a_predicate_raises_is_raised (hung), test_waiting_costs_no_processor_time (failed), test_who_waits_takes_no_steps (hung)
says: "no end after" "processor time" "while version.next is None"
misconception: M10 sleeping is synchronising
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

Settings = Mapping[str, Any]
Subscriber = Callable[[Settings, Settings], None]


class _Version:
    def __init__(self, settings: Settings) -> None:
        self.settings = MappingProxyType(dict(settings))  # a copy: whoever has the draft may still write to it
        self.next: _Version | None = None


class SettingsStore:
    def __init__(self, initial: Settings = MappingProxyType({})) -> None:
        self._newest = _Version(initial)
        # Held by one writer from the outermost beginning to the outermost end; a writer may come again from inside.
        self._writers = threading.RLock()
        self._draft: dict[str, Any] = {}
        self._owner: int | None = None  # the thread to which the draft belongs
        self._depth = 0
        # For the end of the chain and for who is told what; never held while foreign code runs.
        self._changed = threading.Condition()
        self._told = self._newest  # the last version of which subscribers were told
        self._telling = False
        self._subscribers: list[list[Subscriber]] = []  # each in a list of its own: two subscriptions are never equal

    def snapshot(self) -> Settings:
        return self._newest.settings  # one step, and nobody changes what is there

    def get(self, key: str, default: Any = None) -> Any:
        # Only this thread can make the owner this thread, or anybody else after that: no lock is needed to know.
        mine = self._owner == threading.get_ident()
        return (self._draft if mine else self._newest.settings).get(key, default)

    def set(self, key: str, value: Any) -> None:
        with self.transaction() as draft:
            draft[key] = value

    def update(self, key: str, fn: Callable[[Any], Any]) -> Any:
        with self.transaction() as draft:
            value = draft[key] = fn(draft.get(key))
        return value

    @contextmanager
    def transaction(self) -> Iterator[MutableMapping[str, Any]]:
        with self._writers:
            if self._depth == 0:
                self._draft = dict(self._newest.settings)
                self._owner = threading.get_ident()
            self._depth += 1
            try:
                yield self._draft
                if self._depth == 1:
                    self._commit()
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._owner = None
            outermost = self._depth == 0
        if outermost:
            self._tell()

    def subscribe(self, fn: Subscriber) -> Callable[[], None]:
        entry = [fn]
        with self._changed:
            self._subscribers.append(entry)

        def unsubscribe() -> None:
            with self._changed:
                self._subscribers = [other for other in self._subscribers if other is not entry]

        return unsubscribe

    def wait_for(self, predicate: Callable[[Settings], bool], timeout: float | None = None) -> Settings:
        end = None if timeout is None else time.monotonic() + timeout
        version = self._newest
        while not predicate(version.settings):
            while version.next is None:
                if end is not None and time.monotonic() >= end:
                    raise TimeoutError(f"no such version in {timeout} s")
            version = version.next
        return version.settings

    def _commit(self) -> None:
        version = _Version(self._draft)
        with self._changed:
            self._newest.next = version
            self._newest = version
            self._changed.notify_all()

    def _tell(self) -> None:
        """Tell subscribers of all versions of which they have not been told, unless another thread is doing it."""
        with self._changed:
            if self._telling:
                return  # that thread, perhaps this one further up, looks for the next version before it stops
            self._telling = True
        try:
            while (step := self._next_to_tell()) is not None:
                old, new, subscribers = step
                for fn in subscribers:
                    try:
                        fn(old, new)
                    except Exception as error:
                        args = (type(error), error, error.__traceback__, threading.current_thread())
                        threading.excepthook(threading.ExceptHookArgs(args))
        except BaseException:
            with self._changed:
                self._telling = False
            raise

    def _next_to_tell(self) -> tuple[Settings, Settings, list[Subscriber]] | None:
        with self._changed:
            old, new = self._told, self._told.next
            if new is None:
                self._telling = False  # in the same step as the look: nobody can commit in between and rely on us
                return None
            self._told = new
            return old.settings, new.settings, [fn for (fn,) in self._subscribers]
