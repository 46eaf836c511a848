"""Who holds which lock in a real run, as far as the source tells: a lock has no owner, but a thread that stands inside
`with self.lock:` holds it. Used inside the submission's process when it hangs; calls no code of the objects it looks at.
"""

from __future__ import annotations

import _thread
import ast
import linecache
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from grader.explore.causes import ITSELF
from grader.explore.recording import expression
from grader.explore.results import Wait

LOCKS = (_thread.LockType, _thread.RLock, threading.Condition, threading.Semaphore)
NOBODY = " (not known who: it ended, or took it by acquire())"
IsMine = Callable[[FrameType], bool]


def waits(threads: dict[str, FrameType], is_mine: IsMine) -> list[Wait]:
    """For each thread (name -> its innermost frame) that waits for a lock in its own code: which, and who holds it."""
    held: dict[int, tuple[str, int, str]] = {}
    for name, frame in threads.items():
        for mine in _own(frame, is_mine):
            for lock, line, text in _held_in(mine):
                held[id(lock)] = (name, line, text)
    found = []
    for name, innermost in threads.items():
        frame = innermost
        while frame.f_code.co_qualname == "Condition.__enter__" and frame.f_back is not None:
            frame = frame.f_back
        if not is_mine(frame):
            continue  # inside the standard library: it waits for something else than a lock
        text = expression(_line(frame, frame.f_lineno))
        value = _value(text, frame)
        lock = getattr(value, "_lock", value) if isinstance(value, LOCKS) else None
        if isinstance(lock, LOCKS[:2]) and _is_taken(lock):
            holder, line, label = held.get(id(lock), (f"another thread{NOBODY}", 0, ""))
            holder += ITSELF if holder == name else ""
            file = frame.f_code.co_filename.rpartition("/")[2]
            source = _line(frame, frame.f_lineno)
            found.append(Wait(name, "for a lock", file, frame.f_lineno, source, text, holder, line, label))
    return found


def _own(frame: FrameType | None, is_mine: IsMine) -> Iterator[FrameType]:
    while frame is not None:
        if is_mine(frame):
            yield frame
        frame = frame.f_back


def _held_in(frame: FrameType) -> Iterator[tuple[Any, int, str]]:
    """Locks of the `with` statements around the line at which the frame stands."""
    tree = _tree(frame)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.With) and node.body[0].lineno <= frame.f_lineno <= (node.end_lineno or 0):
            for item in node.items:
                text = ast.unparse(item.context_expr)
                lock = _value(text, frame)
                if isinstance(lock, LOCKS):
                    yield getattr(lock, "_lock", lock), node.lineno, text


def _tree(frame: FrameType) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    except SyntaxError:
        return None


def _line(frame: FrameType, number: int) -> str:
    return linecache.getline(frame.f_code.co_filename, number).strip()


def _value(text: str, frame: FrameType) -> Any:
    """The object that a plain expression (names, attributes, items by plain keys) stands for; None if it is not plain."""
    try:
        return _evaluate(ast.parse(text, mode="eval").body, frame)
    except (SyntaxError, LookupError, TypeError):
        return None


def _evaluate(node: ast.expr, frame: FrameType) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return frame.f_locals[name] if name in frame.f_locals else frame.f_globals[name]
        case ast.Attribute(inner, name):
            return _attribute(_evaluate(inner, frame), name)
        case ast.Subscript(inner, key):
            container, index = _evaluate(inner, frame), _evaluate(key, frame)
            if type(container) in (dict, list, tuple) and type(index) in (str, int):
                return container[index]
    raise TypeError


def _attribute(value: Any, name: str) -> Any:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:  # slots
        own = {}
    if name in own:
        return own[name]
    for base in type(value).__mro__:
        if name in vars(base) and not hasattr(type(vars(base)[name]), "__get__"):
            return vars(base)[name]
    raise LookupError(name)


def _is_taken(lock: Any) -> bool:
    return bool(lock.locked()) if isinstance(lock, _thread.LockType) else repr(lock).startswith("<locked")
