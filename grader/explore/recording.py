"""What a replay takes down: each line that ran, with its variables and the locks that were held, and each lock that was taken."""

from __future__ import annotations

import ast
import collections
import linecache
import os
import re
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Protocol

from grader.explore import holding, points
from grader.explore.results import Step
from grader.explore.scheduler import Actor

PLAIN = (bool, int, float, str, bytes, type(None))
MOST_STEPS = 400
UNNAMED = "a lock"


@dataclass(frozen=True)
class Taken:
    """A lock that was taken: by whom, which, at which traced line, its expression there, and the function."""

    actor: str
    lock: object
    line: int
    label: str
    frame: FrameType


class Named(Protocol):
    """An actor, or a task."""

    name: str


class Recorder:
    """Called at every point of a replay; keeps a step whenever the actor or the line changes.

    Lines that take a lock from a local variable have no point. They are steps only where asked for: the schedule of a
    deadlock would show nothing without them, and that of a race is clearer.
    """

    def __init__(self) -> None:
        self._steps: collections.deque[tuple[Step, bool]] = collections.deque(maxlen=2 * MOST_STEPS)  # False: no point
        self._last: tuple[Actor, FrameType, int] | None = None
        self.taken: list[Taken] = []
        self.holdings = holding.Holdings()

    def __call__(self, actor: Actor, frame: FrameType) -> None:
        here = (actor, frame, frame.f_lineno)
        if here == self._last:
            return
        self._last = here
        self._steps.append((self._step(actor, frame), True))

    def _step(self, actor: Named, frame: FrameType) -> Step:
        code, source = frame.f_code, linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if points.leaves_block(frame):
            source = f"end of: {source}"
        file, holds = os.path.basename(code.co_filename), self.holdings.of(actor)
        return Step(actor.name, file, frame.f_lineno, code.co_name, source, variables(frame), holds)

    def waits(self, actor: Named, lock: object, frame: FrameType) -> None:
        """It has to wait for the lock now, unless it asks again for what it gave up to wait for a condition."""
        if not holding.is_named_in(frame):
            return
        number = self._at_lock(actor, frame)
        step, has_point = self._steps[number]
        self._steps[number] = replace(step, waits=label(frame) or UNNAMED), has_point

    def took(self, actor: Actor, lock: object, frame: FrameType) -> None:
        name = label(frame)
        self.taken.append(Taken(actor.name, lock, frame.f_lineno, name, frame))
        self.holds(actor, lock, frame)

    def holds(self, actor: Named, lock: object, frame: FrameType) -> None:
        named = holding.is_named_in(frame)
        if named:
            self._at_lock(actor, frame)
        self.holdings.took(actor, lock, (label(frame) or UNNAMED) if named else "")

    def _at_lock(self, actor: Named, frame: FrameType) -> int:
        """The place of the actor's last step, which is at this line: if it had no point, it is added."""
        for number in range(len(self._steps) - 1, -1, -1):
            if self._steps[number][0].actor == actor.name:
                if self._steps[number][0].line == frame.f_lineno:
                    return number
                break
        self._steps.append((self._step(actor, frame), False))
        return len(self._steps) - 1

    def steps(self, at_locks: bool = False) -> tuple[Step, ...]:
        """The last ones: the fault is there. `at_locks`: also lines without a point that take a lock."""
        found: list[Step] = []
        last: dict[str, int] = {}  # where in `found`
        for step, has_point in self._steps:
            if has_point or at_locks:
                last[step.actor] = len(found)
                found.append(step)
            elif step.waits and step.actor in last:
                found[last[step.actor]] = replace(found[last[step.actor]], waits=step.waits)
        return tuple(found[-MOST_STEPS:])


def variables(frame: FrameType) -> dict[str, str]:
    """Simple local variables and simple attributes of `self`. Never calls code of the objects."""
    found = {}
    values = dict(frame.f_locals)
    for name, value in values.items():
        if (text := simple(value)) is not None and not name.startswith("."):
            found[name] = text
    own = values.get("self")
    attributes = getattr(type(own), "__dict__", {}) and _attributes(own)
    for name, value in attributes.items():
        if (text := simple(value)) is not None:
            found[f"self.{name}"] = text
    return found


def _attributes(own: object) -> dict[str, Any]:
    try:
        found = object.__getattribute__(own, "__dict__")
    except AttributeError:
        return {}
    return dict(found) if type(found) is dict else {}


def simple(value: Any, deep: bool = True) -> str | None:
    """The `repr` of plain data, shortened; None for anything else."""
    if type(value) in PLAIN:
        text = repr(value)
    elif deep and type(value) in (list, tuple, set) and len(value) <= 6:
        parts = [simple(v, False) for v in value]
        if None in parts:
            return None
        text = ", ".join(str(p) for p in parts)
        text = f"[{text}]" if type(value) is list else f"({text})" if type(value) is tuple else f"{{{text}}}"
    elif deep and type(value) is dict and len(value) <= 6:
        pairs = [(simple(k, False), simple(v, False)) for k, v in value.items()]
        if any(k is None or v is None for k, v in pairs):
            return None
        text = "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    else:
        return None
    return text if len(text) <= 60 else text[:57] + "..."


def label(frame: FrameType) -> str:
    """The lock that the frame's current line takes, as written there, with the values of the variables in it.

    A local variable says little in `lock.acquire()`; what the function assigned to it says which lock it is.
    """
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = expression(linecache.getline(file, line).strip())
    known = variables(frame)
    if text.isidentifier() and text in frame.f_locals:
        text = _assigned(text, frame) or text
    named = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?!\w)", text))
    values = [f"{name}={known[name]}" for name in named if name in known]
    return f"{text} ({', '.join(values[:2])})" if values else text


def _assigned(name: str, frame: FrameType) -> str:
    """What the nearest `name = ...` above the current line of this function assigns; "" if it is none of few words."""
    for line in range(frame.f_lineno - 1, frame.f_code.co_firstlineno, -1):
        match = re.fullmatch(rf"{name}(?:: [^=]+)? = (.+)", linecache.getline(frame.f_code.co_filename, line).strip())
        if match:
            return match[1] if re.fullmatch(r"[\w.\[\]'\"]{1,60}", match[1]) else ""
    return ""


def expression(source: str) -> str:
    """The lock's expression in `with self.lock:`, `self.lock.acquire(timeout=1)` or `stack.enter_context(lock)`; or ""."""
    try:
        tree = ast.parse(source + (" pass" if source.endswith(":") else ""))
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            locks = [ast.unparse(item.context_expr) for item in node.items]
            return locks[0] if len(locks) == 1 else f"one of {', '.join(locks)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "acquire":
                return ast.unparse(node.func.value)
            if node.func.attr == "enter_context" and node.args:
                return ast.unparse(node.args[0])
    return ""
