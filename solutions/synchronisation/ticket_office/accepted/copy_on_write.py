"""The state is one immutable mapping; writers replace it under a lock, readers take it as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType

State = Mapping[str, tuple[int, int]]


class TicketOffice:
    def __init__(self, seats: Mapping[str, int]) -> None:
        self._state: State = MappingProxyType({event: (0, n) for event, n in seats.items()})
        self._writers = threading.Condition()

    def _change(self, change: Callable[[dict[str, tuple[int, int]]], bool]) -> bool:
        with self._writers:
            work = dict(self._state)
            done = change(work)
            if done:
                self._state = MappingProxyType(work)
            return done

    def reserve(self, event: str, n: int = 1) -> bool:
        if n < 1:
            raise ValueError(n)

        def change(work: dict[str, tuple[int, int]]) -> bool:
            sold, left = work[event]
            work[event] = (sold + n, left - n)
            return left >= n

        return self._change(change)

    def cancel(self, event: str, n: int = 1) -> None:
        if n < 1:
            raise ValueError(n)

        def change(work: dict[str, tuple[int, int]]) -> bool:
            sold, left = work[event]
            if sold < n:
                raise ValueError(f"{n} of {sold}")
            work[event] = (sold - n, left + n)
            return True

        self._change(change)

    def swap(self, src: str, dst: str) -> bool:
        def change(work: dict[str, tuple[int, int]]) -> bool:
            sold, left = work[src]
            if sold < 1:
                raise ValueError(src)
            work[src] = (sold - 1, left + 1)
            sold, left = work[dst]
            work[dst] = (sold + 1, left - 1)
            return left >= 1

        return self._change(change)

    def remaining(self, event: str) -> int:
        return self._state[event][1]

    def totals(self) -> State:
        return self._state
