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


def test_a_container_that_one_thread_changes_while_another_looks_raises_no_alarm(tmp_path: Path) -> None:
    """Also when the look falls between the load of the attribute and the change."""
    _, found = explored(
        tmp_path, pool("self._idle.append(1)", "return len(self._idle)"), undeclared, bound=2, schedules=500
    )
    assert values(found) == [[]]


@pytest.mark.parametrize(
    "change", ["heapq.heappush(self._idle, 1)", "del self._idle[:]", "self._idle += [1]", "self._idle[:0] = [1]"]
)
def test_other_ways_to_change_a_container_are_seen(tmp_path: Path, change: str) -> None:
    source = pool(change, change).replace("import collections", "import heapq, collections")
    _, found = explored(tmp_path, source, undeclared)
    assert ["_idle"] in values(found)


HELPERS = """
import queue, threading
from dataclasses import dataclass, field
from types import SimpleNamespace

@dataclass
class State:
    open: int = 0
    idle: list = field(default_factory=list)

@dataclass(frozen=True)
class Settings:
    size: int
    waiting: list

class Guarded:
    __slots__ = ("_lock", "_items")
    def __init__(self):
        self._lock = threading.Lock()
        self._items = []
    def pop(self):
        with self._lock:
            self._items.append(1)

class Pool:
    def __init__(self):
        self._lock = threading.Lock()
        self._state = State()
        self._stack = Guarded()
        self._settings = Settings(3, [])
        self._loose = SimpleNamespace(open=1)
        self.__hidden = 0
        self.__mutex = threading.Lock()
        self._self = self

    def take(self):
        {take}
"""


def helpers(take: str) -> str:
    return HELPERS.replace("{take}", take)


@pytest.mark.parametrize(
    ("take", "declared", "unguarded", "undeclared"),
    [
        ("with self._lock: self._state.open += 1", {"_lock": ("_state.open",)}, [], []),
        ("with self._lock: self._state.open += 1", {"_lock": ("_state",)}, [], []),
        ("with self._lock: self._state.open += 1", {}, [], ["_state.open"]),
        ("self._state.idle.append(1)", {}, [], ["_state.idle"]),
        ("self._state.open += 1", {"_lock": ("_state.open",)}, ["_state.open"], []),
        ("with self._lock: state = self._state\n        state.open += 1", {"_lock": ("_state",)}, ["_state.open"], []),
        ("with self._lock: self._state = State()\n        self._state.open += 1", {"_lock": ("_state.open",)},
         ["_state.open"], ["_state"]),
        ("self._settings.waiting.append(1)", {}, [], ["_settings.waiting"]),
        ("return self._settings.size", {}, [], []),
        ("self._stack.pop()", {}, [], []),  # has a lock of its own, and it is held
        ("self._stack.pop(); self._stack._items.clear()", {}, [], ["_stack._items"]),
        ("self._stack.pop()", {"_stack._lock": ("_stack._items",)}, [], []),
        ("self._stack.pop()", {"_lock": ("_stack._items",)}, ["_stack._items"], []),
        ("with self.__mutex: self.__hidden += 1", {"__mutex": ("__hidden",)}, [], []),
        ("self.__hidden += 1", {"__mutex": ("__hidden",)}, ["_Pool__hidden"], []),
        ("self._self._loose.open += 1", {}, [], []),  # not of the program: not seen
        ("with self._lock: self._a = 1", {"_lock": ("_a",), "_Pool__mutex": ("_a",)}, ["_a"], []),  # both, if two are named
    ],
)  # fmt: skip
def test_objects_in_the_attributes_are_watched_by_their_paths(
    tmp_path: Path, take: str, declared: Any, unguarded: list[str], undeclared: list[str]
) -> None:
    def look(module: Any) -> Any:
        pool = module.Pool()
        guards = watch(pool, declared)
        together(pool.take, pool.take)
        found = [*dict.fromkeys(access.attribute for access in guards.unguarded)]
        return [found, [access.attribute for access in guards.undeclared], guards.problems()]

    _, found = explored(tmp_path, helpers(take), look)
    assert values(found) == [[unguarded, undeclared, []]]


def test_names_that_stand_for_nothing_are_told(tmp_path: Path) -> None:
    def look(module: Any) -> Any:
        pool = module.Pool()
        declared = {"_lock": ("_stat", "_state.open", "_state.opn"), "_state": ("_late",), "_mutex": ("_state",)}
        guards = watch(pool, declared)
        pool.take()
        return guards.problems()

    _, found = explored(tmp_path, helpers("self._late = 1; del self._late"), look)
    bad = [("lock", "_state"), ("lock", "_mutex"), ("attribute", "_stat"), ("attribute", "_state.opn")]
    assert values(found) == [bad]
