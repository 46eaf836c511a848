"""warm_all uses plain threads that write into slots of a list; ResultThread tells its end by an Event."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ResultThread(threading.Thread, Generic[T]):
    def __init__(self, fn: Callable[[], T], *, name: str) -> None:
        super().__init__(name=name)
        self.fn = fn
        self.outcome: list[Any] = []
        self.ready = threading.Event()

    def run(self) -> None:
        try:
            self.outcome = [True, self.fn()]
        except BaseException as error:
            self.outcome = [False, error]
        finally:
            self.ready.set()

    def result(self, timeout: float | None = None) -> T:
        if not self.is_alive() and not self.ready.is_set():
            raise RuntimeError(f"{self.name} was not started")
        if not self.ready.wait(timeout):
            raise TimeoutError(f"{self.name} is not ready")
        good, value = self.outcome
        if good:
            return value  # type: ignore[no-any-return]
        raise value


def fill(slots: list[Any], number: int, fn: Callable[[], Any]) -> None:
    try:
        slots[number] = fn()
    except BaseException as error:
        slots[number] = Failure(error)


class Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def warm_all(loaders: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    slots: list[Any] = [None] * len(loaders)
    threads = []
    for number, (key, fn) in enumerate(loaders.items()):
        job = functools.partial(fill, slots, number, fn)
        threads.append(threading.Thread(target=job, name=f"warm-{key}", daemon=False))
        threads[-1].start()
    while threads:
        threads.pop().join()
    errors = []
    for key, slot in zip(loaders, slots, strict=True):
        if isinstance(slot, Failure):
            slot.error.add_note(f"loader: {key}")
            errors.append(slot.error)
    if errors:
        raise BaseExceptionGroup("warm_all", errors)
    return dict(zip(loaders, slots, strict=True))
