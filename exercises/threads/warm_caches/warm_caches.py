"""Warm the caches: the stub. README.md tells the task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultThread(threading.Thread, Generic[T]):
    """A thread that keeps what its function returned or raised."""

    def __init__(self, fn: Callable[[], T], *, name: str) -> None:
        # TODO: prepare the thread; where will it leave its result?
        raise NotImplementedError

    def run(self) -> None:
        """Call the function. Python calls this in the new thread, after start()."""
        raise NotImplementedError

    def result(self, timeout: float | None = None) -> T:
        """Wait at most `timeout` seconds for the end; return what the function returned or raise what it raised."""
        raise NotImplementedError


def warm_all(loaders: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Call all loaders at the same time, each in a thread of its own, and wait for all of them."""
    raise NotImplementedError
