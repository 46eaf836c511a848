"""Waits until every value is there, which is a moment before the threads have ended.

caught-by: test_warm_all_waits_for_all_of_its_threads (failed)
says: "had ended"
misconception: M09 a signal waits for me
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultThread(threading.Thread, Generic[T]):
    def __init__(self, fn: Callable[[], T], *, name: str) -> None:
        self._outcome: Future[T] = Future()
        super().__init__(target=fulfil, args=(self._outcome, fn), name=name)

    def result(self, timeout: float | None = None) -> T:
        if self.ident is None:
            raise RuntimeError("not started")
        return self._outcome.result(timeout)


def fulfil(outcome: Future[T], fn: Callable[[], T]) -> None:
    try:
        outcome.set_result(fn())
    except BaseException as error:
        outcome.set_exception(error)


def warm_all(loaders: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    threads = [ResultThread(fn, name="warm-" + key) for key, fn in loaders.items()]
    for thread in threads:
        thread.start()
    failures = {key: t._outcome.exception() for key, t in zip(loaders, threads, strict=True)}
    errors = []
    for key, error in failures.items():
        if error:
            error.add_note(f"loader: {key}")
            errors.append(error)
    if errors:
        raise BaseExceptionGroup("warm_all", errors)
    return {key: t.result() for key, t in zip(loaders, threads, strict=True)}
