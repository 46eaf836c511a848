"""Each version has an Event that is set when the next one is there; an inner block can be undone; no change, no commit."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType


class Frozen(Mapping):
    """A mapping without any way to change it."""

    __slots__ = ("_items",)

    def __init__(self, items):
        self._items = tuple(items.items())

    def __getitem__(self, key):
        for name, value in self._items:
            if name == key:
                return value
        raise KeyError(key)

    def __iter__(self):
        return iter([name for name, _ in self._items])

    def __len__(self):
        return len(self._items)


class Version:
    def __init__(self, settings):
        self.settings = Frozen(settings)
        self.outdated = threading.Event()
        self.following = None


class Block:
    """A transaction as a context manager of its own."""

    def __init__(self, store):
        self._store = store

    def __enter__(self):
        store = self._store
        if not store._is_mine():
            store._writing.acquire()
            store._stack = [{**store._last.settings}]
            store._writer = threading.get_ident()
        self._before = dict(store._stack[0])
        store._stack.append(self)
        return store._stack[0]

    def __exit__(self, kind, error, traceback):
        store = self._store
        draft = store._stack[0]
        if kind is not None:
            draft.clear()
            draft.update(self._before)
        store._stack.pop()
        if len(store._stack) > 1:
            return
        if draft != dict(store._last.settings):
            version = Version(draft)
            last, store._last = store._last, version
            store._commits.append((last.settings, version.settings))
            last.following = version
            last.outdated.set()
        store._writer = None
        store._writing.release()
        store._tell()


class SettingsStore:
    def __init__(self, initial: Mapping = MappingProxyType({})) -> None:
        self._last = Version(initial)
        self._writing = threading.Lock()
        self._writer = None
        self._stack = []
        self._commits = deque()
        self._turn = threading.Lock()
        self._subscribers = ()

    def _is_mine(self):
        return self._writer == threading.get_ident()

    def snapshot(self):
        return self._last.settings

    def get(self, key, default=None):
        settings = self._stack[0] if self._is_mine() else self._last.settings
        try:
            return settings[key]
        except KeyError:
            return default

    def set(self, key, value):
        with self.transaction() as draft:
            draft[key] = value

    def update(self, key, fn):
        with self.transaction() as draft:
            draft[key] = fn(draft.get(key))
            return draft[key]

    def transaction(self):
        return Block(self)

    def subscribe(self, fn):
        # Replaced as a whole, in one thread at a time; whoever is telling has the tuple of its own commit.
        def call(old, new):
            try:
                fn(old, new)
            except Exception as error:
                threading.excepthook(
                    threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
                )

        with SUBSCRIBING:
            self._subscribers += (call,)

        def end():
            with SUBSCRIBING:
                self._subscribers = tuple(other for other in self._subscribers if other is not call)

        return end

    def _tell(self):
        # Who finds the turn taken leaves: the one who has it looks again after giving it back.
        while self._commits and self._turn.acquire(blocking=False):
            try:
                while self._commits:
                    commit = self._commits.popleft()
                    for call in self._subscribers:
                        call(*commit)
            finally:
                self._turn.release()

    def wait_for(self, predicate, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        version = self._last
        while not predicate(version.settings):
            left = None if end is None else max(0, end - time.monotonic())
            if not version.outdated.wait(left):
                raise TimeoutError
            version = version.following
        return version.settings


SUBSCRIBING = threading.Lock()  # for a few steps only, so all stores may share it
