"""Which of the program's locks everybody holds at a point of a replay, in the words of the lines that took them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import FrameType

from grader.explore.primitives import Lock

# The real one: what stands in its place during a schedule numbers what it is asked for, in the order of the questions,
# and the program must be told the same numbers in a replay as in the search.
address = id
EXPLORE = os.path.dirname(__file__) + os.sep
# Functions of the standard library that take the very lock that the program's line names. In all others (a queue's, an
# event's, a condition's wait) it is a lock of their own, or one that the program took before.
TAKING = frozenset(
    {
        "_RLock.acquire", "Condition.__enter__", "_BaseExitStack.enter_context",
        "_ContextManagerMixin.__aenter__", "Condition.__aenter__", "AsyncExitStack.enter_async_context",
    }
)  # fmt: skip


@dataclass
class _Held:
    """A lock of threads knows its holder itself; of one of tasks, only `times` tells."""

    label: str
    lock: object
    times: int = 0
    holder: object = None

    def still(self) -> bool:
        return self.times > 0 and (not isinstance(self.lock, Lock) or self.lock.holder is self.holder)


class Holdings:
    """Actors and locks are told apart by their identity: classes of the program might say that two locks are equal."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], _Held] = {}
        self._actors: list[object] = []  # kept, as the locks are: so nothing else gets their addresses

    def took(self, who: object, lock: object, label: str) -> None:
        """Without a label, what was given up for the time of a wait is taken again: name and place stay."""
        key = address(who), address(lock)
        if label and not (key in self._held and self._held[key].still()):
            self._held.pop(key, None)
            self._held[key] = _Held(label, lock)
            self._actors.append(who)
        if isinstance(lock, Lock):
            for (_, other), held in self._held.items():
                held.times *= other != key[1]  # two tasks of one thread are one holder for it
        if (mine := self._held.get(key)) is not None:
            mine.times += 1
            mine.holder = getattr(lock, "holder", None)

    def gave_back(self, who: object, lock: object) -> None:
        """For locks of tasks."""
        if (held := self._held.get((address(who), address(lock)))) is not None:
            held.times = max(0, held.times - 1)

    def of(self, who: object) -> tuple[str, ...]:
        """The labels of the locks that it holds now, in the order in which it took them."""
        return tuple(held.label for (owner, _), held in self._held.items() if owner == address(who) and held.still())

    def forget(self) -> None:
        self._held.clear()
        self._actors.clear()


def is_named_in(frame: FrameType) -> bool:
    """Of a lock that is being taken below this frame: is it the one that the frame's line takes?"""
    between: FrameType | None = sys._getframe(1)
    while between is not None and between is not frame:
        code = between.f_code
        if not code.co_filename.startswith(EXPLORE) and code.co_qualname not in TAKING:
            return False
        between = between.f_back
    return True
