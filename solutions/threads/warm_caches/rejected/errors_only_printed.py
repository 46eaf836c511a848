"""Leaves exceptions to threading.excepthook, which prints them; warm_all returns the rest.

caught-by: test_a_failed_loader_is_reported (failed)
says: "as if all were well"
misconception: M14 errors in the background will be seen
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

    def load(key: str, fn: Callable[[], T]) -> None:
        values[key] = fn()

    threads = [threading.Thread(target=load, args=item, name=f"warm-{item[0]}") for item in loaders.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {key: values[key] for key in loaders if key in values}
