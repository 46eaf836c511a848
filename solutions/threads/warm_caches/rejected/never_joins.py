"""Starts the threads and does not wait for them.

caught-by: test_warm_all_waits_for_all_of_its_threads (failed)
says: "had ended"
misconception: M01 starting is running at the same time
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultThread(threading.Thread, Generic[T]):
    def __init__(self, fn: Callable[[], T], *, name: str) -> None:
        super().__init__(name=name, daemon=False)
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
    values: dict[str, T] = {}
    errors: list[BaseException] = []

    def load(key: str, fn: Callable[[], T]) -> None:
        try:
            values[key] = fn()
        except BaseException as error:
            error.add_note(f"loader: {key}")
            errors.append(error)

    for key, fn in loaders.items():
        threading.Thread(target=load, args=(key, fn), name=f"warm-{key}").start()
    if errors:
        raise BaseExceptionGroup("warm_all", errors)
    return values
