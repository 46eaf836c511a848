"""Every waiter leaves a queue at the desk; whoever loads puts the outcome into all of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LoadCycle(RuntimeError):
    """A load asked, directly or through other loads, for the very value that it is loading."""


class SingleFlight(Generic[K, V]):
    def __init__(
        self, load: Callable[[K], V], *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load, self._ttl, self._clock = load, ttl, clock
        self._mutex = threading.Lock()
        self._kept: dict[K, tuple[float, V]] = {}
        self._desks: dict[K, list[queue.SimpleQueue[Any]]] = {}  # who waits for the load that runs
        self._stack = threading.local()

    def get(self, key: K) -> V:
        if not hasattr(self._stack, "keys"):
            self._stack.keys = set()
        if key in self._stack.keys:
            raise LoadCycle(repr(key))
        with self._mutex:
            kept = self._kept.get(key)
            if kept and (self._ttl is None or self._clock() <= kept[0] + self._ttl):
                return kept[1]
            desk = self._desks.get(key)
            if desk is not None:
                mail: queue.SimpleQueue[Any] = queue.SimpleQueue()
                desk.append(mail)
            else:
                mail, mine = None, []  # type: ignore[assignment]
                self._desks[key] = mine
        if mail is not None:
            good, outcome = mail.get()
        else:
            good, outcome = self._run(key, mine)
        if good:
            return outcome  # type: ignore[no-any-return]
        raise outcome

    def _run(self, key: K, mine: list[queue.SimpleQueue[Any]]) -> tuple[bool, Any]:
        self._stack.keys.add(key)
        try:
            answer: tuple[bool, Any] = True, self._load(key)
        except BaseException as error:
            answer = False, error
        finally:
            self._stack.keys.discard(key)
        with self._mutex:
            if self._desks.get(key) is mine:
                del self._desks[key]
                if answer[0]:
                    self._kept[key] = self._clock(), answer[1]
                else:
                    self._kept.pop(key, None)
            waiting = list(mine)  # nobody can join any more
        for mail in waiting:
            mail.put(answer)
        return answer

    def invalidate(self, key: K) -> None:
        with self._mutex:
            self._kept.pop(key, None)
            self._desks.pop(key, None)
