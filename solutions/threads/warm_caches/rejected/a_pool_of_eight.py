"""Uses a pool of eight workers: other loaders have to wait.

caught-by: test_all_loaders_are_at_work_at_the_same_time (failed)
says: "8 of 12"
misconception: M02 threads always make it faster
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
    def load(key: str, fn: Callable[[], T]) -> T:
        threading.current_thread().name = f"warm-{key}"
        return fn()

    with ThreadPoolExecutor(max_workers=8) as pool:
        futures = {key: pool.submit(load, key, fn) for key, fn in loaders.items()}
    errors: list[BaseException] = []
    for key, future in futures.items():
        error = future.exception()
        if error is not None:
            error.add_note(f"loader: {key}")
            errors.append(error)
    if errors:
        raise BaseExceptionGroup("warm_all", errors)
    return {key: future.result() for key, future in futures.items()}
