"""A thread that ends when nothing is left to tell calls the subscribers; whoever commits asks the waiters' predicates.

Readers take a small lock, which is held only to copy or to replace.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Any


class SettingsStore:
    def __init__(self, initial: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._small = threading.Lock()
        self._asking = threading.Lock()  # predicates are asked about one version after another; readers do not need it
        self._settings = dict(initial)
        self._writing = threading.Lock()
        self._owner: threading.Thread | None = None
        self._depth = 0
        self._draft: dict[str, Any] = {}
        self._waiters: list[tuple[Callable[[Mapping[str, Any]], bool], Future[Mapping[str, Any]]]] = []
        self._subscribers: tuple[Future[Any], ...] = ()
        self._functions: dict[Future[Any], Callable[..., None]] = {}
        self._commits: SimpleQueue[tuple[Mapping[str, Any], Mapping[str, Any]]] = SimpleQueue()
        self._teller: threading.Thread | None = None

    def snapshot(self) -> Mapping[str, Any]:
        with self._small:
            return MappingProxyType(self._settings.copy())

    def get(self, key: str, default: Any = None) -> Any:
        with self._small:
            mine = self._owner is threading.current_thread()
            return (self._draft if mine else self._settings).get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.update(key, lambda _: value)

    def update(self, key: str, fn: Callable[[Any], Any]) -> Any:
        with self.transaction() as draft:
            draft[key] = fn(draft.get(key))
            return draft[key]

    @contextmanager
    def transaction(self) -> Iterator[MutableMapping[str, Any]]:
        if self._owner is not threading.current_thread():
            self._writing.acquire()
            with self._small:
                self._owner, self._draft = threading.current_thread(), self._settings.copy()
        self._depth += 1
        failed = True
        try:
            yield self._draft
            failed = False
        finally:
            self._depth -= 1
            if not self._depth:
                self._end(failed)

    def _end(self, failed: bool) -> None:
        if failed:
            with self._small:
                self._owner = None
        else:
            with self._asking:
                self._commit()
                self._waiters = [waiter for waiter in self._waiters if not self._ask(*waiter)]
        self._writing.release()

    def _commit(self) -> None:
        with self._small:
            self._owner = None
            old, self._settings = MappingProxyType(self._settings), self._draft.copy()
            self._commits.put((old, MappingProxyType(self._settings)))
            if self._teller is None:
                self._teller = threading.Thread(target=self._tell)
                self._teller.start()

    def _ask(self, predicate: Callable[[Mapping[str, Any]], bool], future: Future[Mapping[str, Any]]) -> bool:
        if future.done():
            return True
        version = MappingProxyType(self._settings)
        try:
            found = predicate(version)
        except BaseException as error:
            future.set_exception(error)
            return True
        if found:
            future.set_result(version)
        return bool(found)

    def _tell(self) -> None:
        while True:
            with self._small:
                try:
                    commit = self._commits.get_nowait()
                except Empty:
                    self._teller = None
                    return
                functions = [self._functions[key] for key in self._subscribers]
            for function in functions:
                try:
                    function(*commit)
                except Exception as error:
                    threading.excepthook(
                        threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
                    )

    def subscribe(self, fn: Callable[[Mapping[str, Any], Mapping[str, Any]], None]) -> Callable[[], None]:
        key: Future[Any] = Future()
        with self._small:
            self._functions[key] = fn
            self._subscribers += (key,)

        def end() -> None:
            with self._small:
                self._subscribers = tuple(other for other in self._subscribers if other is not key)
                self._functions.pop(key, None)

        return end

    def wait_for(
        self, predicate: Callable[[Mapping[str, Any]], bool], timeout: float | None = None
    ) -> Mapping[str, Any]:
        future: Future[Mapping[str, Any]] = Future()
        waiter = (predicate, future)
        with self._asking:
            if not self._ask(predicate, future):
                self._waiters.append(waiter)
        try:
            return future.result(None if timeout is None else max(0, timeout))
        finally:
            with self._asking:
                self._waiters = [other for other in self._waiters if other is not waiter]
