"""Which lock was held whenever an attribute was touched: the discipline that Eraser checks (Savage et al., ACM TOCS 1997).

Used in a scenario: `guards = watch(pool, {"_lock": ("_idle", "_open")})` right after the object was made, so that `__init__` is
exempt; afterwards `guards.unguarded` and `guards.undeclared` say what broke the discipline. Only accesses by the
program's own code count, not those of the scenario or of the standard library.
"""

from __future__ import annotations

import linecache
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from grader.explore import points, primitives, scheduler

CONTAINERS = (list, dict, set)  # and what derives from them; deques are compared as lists


@dataclass(frozen=True)
class Access:
    """`lock`: the one that should have been held (for an undeclared attribute, empty)."""

    attribute: str
    lock: str
    function: str
    line: int
    source: str


class Guards:
    """What was seen of one object."""

    def __init__(self, declared: Mapping[str, Sequence[str]]) -> None:
        self._lock_of = {attribute: lock for lock, attributes in declared.items() for attribute in attributes}
        self._unguarded: dict[tuple[str, int], Access] = {}
        # Undeclared attribute -> number of the thread -> its first write.
        self._writes: dict[str, dict[int, Access]] = {}
        self._last: dict[str, tuple[list[Any], int, Access]] = {}  # what a container held, and who had it last

    @property
    def unguarded(self) -> list[Access]:
        """Accesses to declared attributes without their lock: the first at each line."""
        return list(self._unguarded.values())

    @property
    def undeclared(self) -> list[Access]:
        """For each undeclared attribute that several threads changed: the last one's first change."""
        return [list(writes.values())[-1] for writes in self._writes.values() if len(writes) > 1]

    def touched(self, thing: object, name: str, frame: FrameType, writes: bool) -> None:
        actor = scheduler.current()
        if actor is None:
            return
        lock = self._lock_of.get(name, "")
        access = Access(name, lock, frame.f_code.co_name, frame.f_lineno, _source(frame))
        if lock:
            if not _held(_value(thing, lock), actor):
                self._unguarded.setdefault((name, frame.f_lineno), access)
        elif sum(not other.done for other in actor.run.actors) > 1:  # alone, before and after the others, all is well
            if writes:
                self._writes.setdefault(name, {}).setdefault(actor.number, access)
            else:
                self._looked(thing, name, actor.number, access)

    def _looked(self, thing: object, name: str, number: int, access: Access) -> None:
        """Who changes a container only reads the attribute; that it was changed is seen at the next look."""
        value = _value(thing, name)
        if not isinstance(value, CONTAINERS) and type(value).__name__ != "deque":
            return
        now = [part for item in value.items() for part in item] if isinstance(value, dict) else [*value]
        before = self._last.get(name)
        if before is not None and [*map(id, before[0])] != [*map(id, now)]:
            self._writes.setdefault(name, {}).setdefault(before[1], before[2])
        self._last[name] = (now, number, access)


def watch(thing: object, declared: Mapping[str, Sequence[str]]) -> Guards:
    """From now on, look at every access to the object's attributes; `declared`: name of a lock -> attributes.

    The object gets a subclass of its class. Raises TypeError for an object whose class cannot be changed.
    """
    guards = Guards(declared)
    base: Any = type(thing)

    def get(self: object, name: str) -> Any:
        if (frame := _program_frame()) is not None and _is_state(self, name):
            guards.touched(self, name, frame, writes=False)
        return base.__getattribute__(self, name)

    def put(self: object, name: str, value: Any) -> None:
        if (frame := _program_frame()) is not None:
            guards.touched(self, name, frame, writes=True)
        base.__setattr__(self, name, value)

    def drop(self: object, name: str) -> None:
        if (frame := _program_frame()) is not None:
            guards.touched(self, name, frame, writes=True)
        base.__delattr__(self, name)

    body: dict[str, Any] = {"__getattribute__": get, "__setattr__": put, "__delattr__": drop}
    body |= {"__qualname__": base.__qualname__, "__module__": base.__module__}
    if not hasattr(thing, "__dict__"):
        body["__slots__"] = ()  # or the objects of the two classes would differ in form
    thing.__class__ = type(base)(base.__name__, (base,), body)
    return guards


def _program_frame() -> FrameType | None:
    """Who touches the attribute, if it is the program under test."""
    frame = sys._getframe(2)
    return frame if points.is_traced(frame.f_code) else None


def _is_state(thing: object, name: str) -> bool:
    """A value of the object itself, no method and nothing of its class."""
    try:
        own = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return not callable(getattr(type(thing), name, None))
    return name in own or type(getattr(type(thing), name, None)).__name__ == "member_descriptor"


def _value(thing: object, name: str) -> Any:
    try:
        return object.__getattribute__(thing, name)
    except AttributeError:
        return None


def _held(lock: Any, actor: scheduler.Actor) -> bool:
    """By this thread; whatever is no Lock, RLock or Condition excludes nobody."""
    if isinstance(lock, threading.Condition):
        lock = lock._lock  # type: ignore[attr-defined]
    if isinstance(lock, primitives.Lock):
        return lock.holder is actor
    owned = getattr(lock, "_is_owned", None)
    return bool(owned and owned())


def _source(frame: FrameType) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
