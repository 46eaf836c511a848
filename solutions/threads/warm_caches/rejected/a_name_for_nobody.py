"""Keeps the name for itself instead of handing it to Thread.

caught-by: test_threads_are_named_after_their_keys (failed)
says: "takes its name"
misconception: M13 works here, so works
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultThread(threading.Thread, Generic[T]):
    def __init__(self, fn: Callable[[], T], *, name: str) -> None:
        super().__init__()
        self._label = name
        self._fn = fn
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._fn()
        except BaseException as error:  # sys.exit() raises SystemExit, which is no Exception
            self._error = error

    def result(self, timeout: float | None = None) -> T:
        self.join(timeout)  # raises RuntimeError if the thread was never started
        if self.is_alive():  # join() itself does not tell whether it gave up
            raise TimeoutError(f"{self.name} is still at work after {timeout} s")
        if self._error is not None:
            raise self._error
        return self._value


def warm_all(loaders: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    threads = {key: ResultThread(fn, name=f"warm-{key}") for key, fn in loaders.items()}
    for thread in threads.values():
        thread.start()
    # All must have ended before anything is raised, so waiting and asking are two loops.
    for thread in threads.values():
        thread.join()
    values: dict[str, T] = {}
    errors: list[BaseException] = []
    for key, thread in threads.items():
        try:
            values[key] = thread.result()
        except BaseException as error:
            error.add_note(f"loader: {key}")
            errors.append(error)
    if errors:
        raise BaseExceptionGroup("warm_all", errors)
    return values
