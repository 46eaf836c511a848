"""Which lock was held whenever an attribute was touched: the discipline that Eraser checks (Savage et al., ACM TOCS 1997).

Used in a scenario: `guards = watch(pool, {"_lock": ("_idle", "_open")})` right after the object was made, so that `__init__` is
exempt; afterwards `guards.unguarded` and `guards.undeclared` say what broke the discipline. Only accesses by the
program's own code count, not those of the scenario or of the standard library.

Objects of the program's own classes that the watched object holds in an attribute are watched, too: what is `self._state.open` in
the code is declared as "_state.open", and "_state" covers all of it. What a name in a local variable does to a
container, and what lies inside containers, is not seen.
"""

from __future__ import annotations

import ast
import enum
import functools
import linecache
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType, ModuleType
from typing import Any

from grader.explore import points, primitives, scheduler

CHANGES = frozenset(  # methods that change a list, dict, set or deque
    {
        "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "appendleft", "popleft", "extendleft",
        "rotate", "add", "discard", "update", "setdefault", "popitem", "difference_update", "intersection_update",
        "symmetric_difference_update", "move_to_end", "subtract",
    }
)  # fmt: skip
CHANGERS = frozenset(
    {"heappush", "heappop", "heapify", "heappushpop", "heapreplace", "insort", "insort_left", "insort_right"}
)
DEPTH = 3  # self._a._b._c
Place = tuple[int, int, int, int]


@dataclass(frozen=True)
class Access:
    """`lock`: the one that should have been held (for an undeclared attribute, empty)."""

    attribute: str
    lock: str
    function: str
    line: int
    source: str


class Guards:
    """What was seen of one object, and of the program's objects in its attributes. Attributes are named by their path from it."""

    def __init__(self, root: object, declared: Mapping[str, Sequence[str]]) -> None:
        self._root = root
        self._declared = [(attribute, lock) for lock, attributes in declared.items() for attribute in attributes]
        self._unguarded: dict[tuple[str, str, int], Access] = {}
        # Of undeclared attributes: number of the thread -> its first change; and the locks of the same object, beside the
        # attribute, that were held at every access.
        self._writes: dict[str, dict[int, Access]] = {}
        self._beside: dict[str, frozenset[str]] = {}
        self._watched: list[object] = []  # kept, so that no other object gets the same address
        self.seen: set[str] = set()  # paths that the program has touched

    @property
    def unguarded(self) -> list[Access]:
        """Accesses to declared attributes without their lock: the first at each line."""
        return list(self._unguarded.values())

    @property
    def undeclared(self) -> list[Access]:
        """For each undeclared attribute that several threads changed: the last one's first change.

        An attribute of a helper object that always has a lock of its own held then looks after itself.
        """
        return [
            list(writes.values())[-1]
            for path, writes in self._writes.items()
            if len(writes) > 1 and not ("." in path and self._beside.get(path))
        ]

    def touched(self, thing: object, name: str, path: str, frame: FrameType, writes: bool) -> None:
        actor = scheduler.current()
        if actor is None:
            return
        self.seen.add(path)
        locks = [lock for attribute, lock in self._declared if _covers(self._real(attribute), path)]
        for lock in locks:
            if not _held(self._at(self._real(lock)), actor):
                access = Access(path, lock, frame.f_code.co_name, frame.f_lineno, _source(frame))
                self._unguarded.setdefault((path, lock, frame.f_lineno), access)
        if locks or sum(not other.done for other in actor.run.actors) <= 1:
            return  # alone, before and after the others, all is well
        if "." in path:
            held = frozenset(beside for beside, value in _state(thing) if _held(value, actor))
            self._beside[path] = self._beside.get(path, held) & held
        if writes or (is_container(_value(thing, name)) and changes_what_it_loads(frame.f_code, frame.f_lasti)):
            access = Access(path, "", frame.f_code.co_name, frame.f_lineno, _source(frame))
            self._writes.setdefault(path, {}).setdefault(actor.number, access)

    def look_at(self, thing: object, path: str) -> bool:
        """Watch the object too, if it is of a class of the program, and then what its attributes hold. Was it one?"""
        if path.count(".") >= DEPTH or any(thing is other for other in self._watched):
            return False
        if path:
            if not _is_helper(thing, self._root):
                return False
            try:
                self._disguise(thing, path + ".")
            except TypeError:  # its class cannot be changed: what is in it is not seen
                return False
        else:
            self._disguise(thing, "")
        self._watched.append(thing)
        for name, value in [*_state(thing)]:
            self.look_at(value, f"{path}.{name}" if path else name)
        return True

    def _disguise(self, thing: object, prefix: str) -> None:
        base: Any = type(thing)
        guards = self

        def get(self: object, name: str) -> Any:
            if (frame := _program_frame()) is not None and _is_state(self, name):
                guards.touched(self, name, prefix + name, frame, writes=False)
            return base.__getattribute__(self, name)

        def put(self: object, name: str, value: Any) -> None:
            if (frame := _program_frame()) is not None:
                guards.touched(self, name, prefix + name, frame, writes=True)
            base.__setattr__(self, name, value)
            guards.look_at(value, prefix + name)

        def drop(self: object, name: str) -> None:
            if (frame := _program_frame()) is not None:
                guards.touched(self, name, prefix + name, frame, writes=True)
            base.__delattr__(self, name)

        body: dict[str, Any] = {"__getattribute__": get, "__setattr__": put, "__delattr__": drop}
        body |= {"__qualname__": base.__qualname__, "__module__": base.__module__}
        if not hasattr(thing, "__dict__"):
            body["__slots__"] = ()  # or the objects of the two classes would differ in form
        # Not by assignment: a frozen dataclass refuses that.
        object.__setattr__(thing, "__class__", type(base)(base.__name__, (base,), body))

    def _real(self, path: str) -> str:
        """The path with private names as Python keeps them: `__open` is `_Pool__open`."""
        if "__" not in path:
            return path
        thing, names = self._root, []
        for name in path.split("."):
            if name.startswith("__") and not name.endswith("__"):
                mangled = [f"_{cls.__name__.lstrip('_')}{name}" for cls in type(thing).__mro__]
                name = next((real for real in mangled if _has(thing, real)), name)
            names.append(name)
            thing = _value(thing, name)
        return ".".join(names)

    def _at(self, path: str) -> Any:
        thing: Any = self._root
        for name in path.split("."):
            thing = _value(thing, name)
        return thing

    def problems(self) -> list[tuple[str, str]]:
        """Declared names that stand for nothing: ("lock", name) for what is no Lock, RLock or Condition of the object, ("attribute",
        name) for what it does not have and never had."""
        found = [("lock", lock) for _, lock in self._declared if not is_lock(self._at(self._real(lock)))]
        for attribute, _ in self._declared:
            before, _, name = (real := self._real(attribute)).rpartition(".")
            holder = self._at(before) if before else self._root
            if not _has(holder, name) and not any(_covers(real, path) for path in self.seen):
                found.append(("attribute", attribute))
        return list(dict.fromkeys(found))


def watch(thing: object, declared: Mapping[str, Sequence[str]]) -> Guards:
    """From now on, look at every access to the object's attributes; `declared`: name of a lock -> attributes.

    The object gets a subclass of its class. Raises TypeError for an object whose class cannot be changed.
    """
    guards = Guards(thing, declared)
    guards.look_at(thing, "")
    return guards


def is_lock(thing: object) -> bool:
    """Can it be told who holds it: is it a Lock, RLock or Condition?"""
    if isinstance(thing, threading.Condition):
        thing = thing._lock  # type: ignore[attr-defined]
    return isinstance(thing, primitives.Lock) or hasattr(thing, "_is_owned")


def is_container(thing: object) -> bool:
    """One of Python's own, which does not look after itself."""
    return isinstance(thing, (list, dict, set, deque, bytearray)) and type(thing).__module__ in (
        "builtins",
        "collections",
    )


def _covers(declared: str, path: str) -> bool:
    return path == declared or path.startswith(declared + ".")


def _program_frame() -> FrameType | None:
    """Who touches the attribute, if it is the program under test."""
    frame = sys._getframe(2)
    return frame if points.is_traced(frame.f_code) else None


def _is_helper(thing: object, root: object) -> bool:
    """An object of a class of the watched object's module, with state that can be changed."""
    plain = (type, ModuleType, BaseException, tuple, str, int, float, enum.Enum)
    return not isinstance(thing, plain) and type(thing).__module__ == type(root).__module__


def _is_state(thing: object, name: str) -> bool:
    """A value of the object itself, no method and nothing of its class."""
    try:
        own = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return not callable(getattr(type(thing), name, None))
    return name in own or type(getattr(type(thing), name, None)).__name__ == "member_descriptor"


def _state(thing: object) -> Iterator[tuple[str, Any]]:
    """The object's attributes and their values."""
    try:
        names = list(object.__getattribute__(thing, "__dict__"))
    except AttributeError:
        names = []
    for cls in type(thing).__mro__:
        names += [name for name, what in vars(cls).items() if type(what).__name__ == "member_descriptor"]
    for name in names:
        if _has(thing, name):
            yield name, _value(thing, name)


def _has(thing: object, name: str) -> bool:
    try:
        object.__getattribute__(thing, name)
    except AttributeError:
        return False
    return True


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
    owned = getattr(type(lock), "_is_owned", None)
    return bool(owned and owned(lock))


def _source(frame: FrameType) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


def changes_what_it_loads(code: CodeType, offset: int) -> bool:
    """Does the instruction load an attribute in order to change the container that it holds? As in `self._idle.append(1)`.

    By its place in the source: that a container has changed since the last look would not tell which thread it was.
    """
    if (place := _places(code).get(offset)) is None:
        return False
    return place in _changing(code.co_filename)


@functools.lru_cache(maxsize=1000)
def _places(code: CodeType) -> dict[int, Place]:
    return {2 * n: place for n, place in enumerate(code.co_positions()) if None not in place}  # type: ignore[misc]


@functools.lru_cache(maxsize=10)
def _changing(filename: str) -> frozenset[Place]:
    """Where in a file an attribute is named whose container is changed there."""
    found = set()
    for node in ast.walk(ast.parse("".join(linecache.getlines(filename)))):
        target: ast.AST | None = None
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            target = node.value
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in CHANGERS and node.args:
                target = node.args[0]
            elif isinstance(node.func, ast.Attribute) and name in CHANGES:
                target = node.func.value
        if isinstance(target, ast.Attribute) and target.end_lineno is not None and target.end_col_offset is not None:
            found.add((target.lineno, target.end_lineno, target.col_offset, target.end_col_offset))
    return frozenset(found)
