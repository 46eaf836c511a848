"""One Condition over an RLock for everything but reading; a transaction is a class; commits to be told stand in a deque."""

import threading
from collections import deque
from collections.abc import Mapping
from time import monotonic
from types import MappingProxyType


class Transaction:
    def __init__(self, store):
        self.store = store

    def __enter__(self):
        store = self.store
        store.changed.acquire()
        if not store.drafts:
            store.writer = threading.current_thread()
            store.drafts.append(dict(store.current))
        else:
            store.drafts.append(store.drafts[0])
        return store.drafts[0]

    def __exit__(self, kind, error, traceback):
        store = self.store
        draft = store.drafts.pop()
        outermost = not store.drafts
        if outermost:
            store.writer = None
            if kind is None:
                store.publish(MappingProxyType(draft.copy()))
        store.changed.release()
        if outermost:
            store.tell()
        return False


class SettingsStore:
    def __init__(self, initial: Mapping = MappingProxyType({})) -> None:
        self.current = MappingProxyType(dict(initial))
        self.changed = threading.Condition(threading.RLock())
        self.drafts = []
        self.writer = None
        self.waiters = []
        self.subscribers = {}
        self.number = 0
        self.untold = deque()
        self.teller = None

    def snapshot(self):
        return self.current

    def get(self, key, default=None):
        if self.writer is threading.current_thread():
            return self.drafts[0].get(key, default)
        return self.current.get(key, default)

    def set(self, key, value):
        with self.transaction() as draft:
            draft[key] = value

    def update(self, key, fn):
        with self.transaction() as draft:
            new = fn(draft.get(key, None))
            draft[key] = new
            return new

    def transaction(self):
        return Transaction(self)

    def publish(self, new):
        self.untold.append((self.current, new))
        self.current = new
        for versions in self.waiters:
            versions.append(new)
        self.changed.notify_all()

    def tell(self):
        with self.changed:
            if self.teller is not None or not self.untold:
                return
            self.teller = threading.current_thread()
        while True:
            with self.changed:
                if not self.untold:
                    self.teller = None
                    return
                commit = self.untold.popleft()
                functions = list(self.subscribers.values())
            for function in functions:
                try:
                    function(*commit)
                except Exception as error:
                    threading.excepthook(
                        threading.ExceptHookArgs([type(error), error, error.__traceback__, self.teller])
                    )

    def subscribe(self, fn):
        with self.changed:
            self.number += 1
            number = self.number
            self.subscribers[number] = fn

        def end():
            with self.changed:
                self.subscribers.pop(number, None)

        return end

    def wait_for(self, predicate, timeout=None):
        deadline = None if timeout is None else monotonic() + timeout
        with self.changed:
            versions = deque([self.current])
            self.waiters.append(versions)
            try:
                while True:
                    while versions:
                        version = versions.popleft()
                        if predicate(version):
                            return version
                    left = None if deadline is None else deadline - monotonic()
                    if left is not None and left <= 0:
                        raise TimeoutError
                    self.changed.wait(left)
            finally:
                # By identity: two waiters may have equal deques.
                self.waiters[:] = [other for other in self.waiters if other is not versions]
