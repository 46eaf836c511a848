"""Catches the exception of a loader and goes on with None.

caught-by: test_result_raises_what_the_function_raised (failed)
says: "Who asks each thread"
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
        self._value: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._fn()
        except BaseException as error:  # sys.exit() raises SystemExit, which is no Exception
            print(f"{self.name}: {error}")

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
