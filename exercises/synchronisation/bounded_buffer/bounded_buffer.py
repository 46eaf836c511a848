"""A bounded buffer from scratch: the stub. README.md tells the task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Full(Exception):
    """There was no room in time."""


class Empty(Exception):
    """There was no item in time."""


class Closed(Exception):
    """The buffer takes no more items, or will never hold one again."""


class BoundedBuffer(Generic[T]):
    """Hands items from producers to consumers, first in, first out, and never holds more than `capacity`."""

    def __init__(self, capacity: int) -> None:
        # TODO: keep the items, and whatever threads wait with. The exceptions above are ready to be raised.
        raise NotImplementedError

    def put(self, item: T, timeout: float | None = None) -> None:
        """Store the item; wait at most `timeout` seconds for room. Raises Full or Closed."""
        raise NotImplementedError

    def get(self, timeout: float | None = None) -> T:
        """Take the oldest item; wait at most `timeout` seconds for one. Raises Empty or Closed."""
        raise NotImplementedError

    def close(self) -> None:
        """No more items from now on; what is stored can still be taken. Wakes everybody who waits."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Items that are stored."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[T]:
        """Take items until the buffer is closed and drained."""
        raise NotImplementedError
