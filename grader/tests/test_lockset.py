"""The lockset discipline on explored schedules: what is declared is held, what several threads change is declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.explore import together, watch
from grader.tests.explored import explored, values

POOL = """
import collections, queue, threading
from dataclasses import dataclass

class Pool:
    SIZE = 3

    def __init__(self):
        self._lock = {lock}
        self._idle = {idle}
        self._open = 0
        self._events = queue.SimpleQueue()
        self._name = "pool"

    def take(self):
        {take}

    def look(self):
        {look}
"""


def unguarded(module: Any) -> Any:
    pool = module.Pool()
    guards = watch(pool, {"_lock": ("_idle", "_open")})
    together(pool.take, pool.look)
    return sorted({f"{access.attribute} in {access.function}" for access in guards.unguarded})


def undeclared(module: Any) -> Any:
    pool = module.Pool()
    guards = watch(pool, {"_lock": ("_open",)})
    together(pool.take, pool.look, pool.look)
    pool.take()
    return sorted({access.attribute for access in guards.undeclared})


def pool(
    take: str, look: str = "return self._name", lock: str = "threading.Lock()", idle: str = "[]", slots: bool = False
) -> str:
    source = POOL.format(take=take, look=look, lock=lock, idle=idle)
    names = '__slots__ = ("_lock", "_idle", "_open", "_events", "_name")'
    return source.replace("SIZE = 3", names) if slots else source


GUARDED = "with self._lock: self._idle.append(1); self._open += 1"


@pytest.mark.parametrize("slots", [False, True])
@pytest.mark.parametrize(
    "lock", ["threading.Lock()", "threading.RLock()", "threading.Condition()", "threading.Condition(threading.Lock())"]
)
def test_what_is_touched_with_its_lock_is_guarded(tmp_path: Path, lock: str, slots: bool) -> None:
    _, found = explored(tmp_path, pool(GUARDED, "with self._lock: return self._open", lock, slots=slots), unguarded)
    assert values(found) == [[]]


def test_an_access_without_the_lock_is_named(tmp_path: Path) -> None:
    _, found = explored(tmp_path, pool(GUARDED, "return self._open, self._idle[:]"), unguarded)
    assert values(found) == [["_idle in look", "_open in look"]]


@pytest.mark.parametrize("lock", ["threading.Semaphore()", "threading.Event()", "None"])
def test_what_is_no_lock_guards_nothing(tmp_path: Path, lock: str) -> None:
    take = "self._open += 1; self._idle.append(2)"
    _, found = explored(tmp_path, pool(take, lock=lock), unguarded)
    assert values(found) == [["_idle in take", "_open in take"]]


def test_a_lock_that_another_thread_holds_guards_nothing(tmp_path: Path) -> None:
    take = "\n        ".join(("self._lock.acquire()", "self._open += 1", "self._lock.release()"))
    _, found = explored(tmp_path, pool(take, "self._open"), unguarded)
    assert values(found) == [["_open in look"]]


@pytest.mark.parametrize("idle", ["[]", "{}", "set()", "collections.deque()"])
@pytest.mark.parametrize("slots", [False, True])
def test_a_container_that_several_threads_change_must_be_declared(tmp_path: Path, idle: str, slots: bool) -> None:
    change = {"{}": "self._idle[object()] = 1", "set()": "self._idle.add(object())"}.get(idle, "self._idle.append(1)")
    again = f"{change}; return len(self._idle)"
    _, found = explored(tmp_path, pool(again, again, idle=idle, slots=slots), undeclared)
    assert ["_idle"] in values(found)


def test_an_attribute_that_several_threads_write_must_be_declared(tmp_path: Path) -> None:
    _, found = explored(tmp_path, pool("self._last = 1", "self._last = 2"), undeclared)
    assert values(found) == [["_last"]]


@pytest.mark.parametrize(
    ("take", "look"),
    [
        ("self._events.put(1)", "self._events.put(2)"),  # guards itself
        ("return self._name", "return len(self._idle)"),  # nobody writes
        ("self._mine = 1", "return self.SIZE"),  # one thread writes
        ("with self._lock: self._open += 1", "with self._lock: return self._open"),  # declared
        ("mine = [1]; mine.append(2)", "mine = {}; mine[1] = 2"),  # confined to its thread
    ],
)
def test_what_needs_no_lock_raises_no_alarm(tmp_path: Path, take: str, look: str) -> None:
    _, found = explored(tmp_path, pool(take, look), undeclared)
    assert values(found) == [[]]


def test_changes_of_a_thread_that_is_alone_raise_no_alarm(tmp_path: Path) -> None:
    def alone(module: Any) -> Any:
        pool = module.Pool()
        guards = watch(pool, {})
        pool.take()
        together(pool.take, pool.look)
        pool.take()
        return sorted({access.attribute for access in guards.undeclared})

    _, found = explored(tmp_path, pool("self._open += 1; self._idle.append(1)"), alone)
    assert values(found) == [[]]


def test_the_watched_object_is_still_of_its_class(tmp_path: Path) -> None:
    def is_a_pool(module: Any) -> Any:
        pool = module.Pool()
        watch(pool, {"_lock": ("_open",)})
        return isinstance(pool, module.Pool), type(pool).__name__, pool.take(), pool._open

    _, found = explored(tmp_path, pool("self._open += 1; return super().__repr__()[:5]"), is_a_pool)
    assert values(found) == [(True, "Pool", "<work", 1)]
