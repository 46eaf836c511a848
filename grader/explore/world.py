"""Puts the controlled primitives in place of the real ones, and takes them back."""

from __future__ import annotations

import builtins
import concurrent.futures._base as futures
import concurrent.futures.thread as executors
import contextlib
import functools
import itertools
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from grader.explore import primitives

_MISSING = object()


def _replacements() -> list[tuple[Any, str, Any]]:
    """Object, attribute, and what is put there for the time of an exploration."""
    rlock = threading._PyRLock  # type: ignore[attr-defined]
    changes: list[tuple[Any, str, Any]] = [
        (threading.Thread, "start", primitives.start),
        (threading, "Lock", primitives.Lock),
        (threading, "_allocate_lock", primitives.Lock),
        (threading, "_CRLock", None),
        (threading, "_start_new_thread", primitives.start_thread),
        (threading, "_set_sentinel", primitives.set_sentinel),
        (threading, "_start_joinable_thread", primitives.start_joinable_thread),
        (threading, "_ThreadHandle", primitives.Handle),
        (threading, "_time", primitives.CLOCKS["monotonic"]),
        (queue, "time", primitives.CLOCKS["monotonic"]),
        (queue, "SimpleQueue", queue._PySimpleQueue),  # type: ignore[attr-defined]
        (time, "sleep", primitives.sleep),
        (functools, "RLock", rlock),
    ]
    changes += [(time, name, clock) for name, clock in primitives.CLOCKS.items()]
    return [(where, name, new) for where, name, new in changes if hasattr(where, name)]


@contextlib.contextmanager
def controlled(excepthook: Callable[[Any], None]) -> Iterator[None]:
    """The world of one schedule: everything that starts here behaves the same way every time."""
    number, threads = _numbering(), _threads_but(list(threading._active.values()))  # type: ignore[attr-defined]
    changes = [
        *_replacements(),
        (threading, "enumerate", threads),
        (threading, "active_count", lambda: len(threads())),
        (builtins, "id", number),
        (threading.Thread, "__hash__", number),
        (futures.Future, "__hash__", number),
        (threading, "excepthook", excepthook),
        (threading, "_main_thread", threading._main_thread),  # type: ignore[attr-defined]
        (executors, "_global_shutdown_lock", primitives.Lock()),
        (executors, "_shutdown", False),
        (futures.LOGGER, "disabled", True),  # it logs the exceptions by which we end threads
        (executors.ThreadPoolExecutor, "_counter", itertools.count().__next__),
        (threading, "_counter", itertools.count(1).__next__),
    ]
    kept = [(where, name, where.__dict__.get(name, _MISSING)) for where, name, _ in changes]
    active, state = dict(threading._active), random.getstate()  # type: ignore[attr-defined]
    for where, name, new in changes:
        setattr(where, name, new)
    random.seed(0)
    try:
        yield
    finally:
        for where, name, old in kept:
            if old is _MISSING:
                delattr(where, name)
            else:
                setattr(where, name, old)
        random.setstate(state)
        _forget_threads(active)


def _numbering() -> Callable[[object], int]:
    """An `id` that is the same in every schedule: locks are taken in its order, and sets of threads are walked in it."""
    known: dict[int, tuple[int, object]] = {}  # the object too, so that its address is not used again
    real = id

    def number(thing: object) -> int:
        return known.setdefault(real(thing), (len(known), thing))[0]

    return number


def _threads_but(others: list[threading.Thread]) -> Callable[[], list[threading.Thread]]:
    """`threading.enumerate` without the threads of the engine, which nobody may wait for."""
    real = threading.enumerate
    return lambda: [thread for thread in real() if not any(thread is other for other in others)]


def _forget_threads(active: dict[int, threading.Thread]) -> None:
    """Threads of a schedule that were ended or parked must not be waited for when the process ends."""
    threading._active.clear()  # type: ignore[attr-defined]
    threading._active.update(active)  # type: ignore[attr-defined]
    threading._limbo.clear()  # type: ignore[attr-defined]
    executors._threads_queues.clear()  # type: ignore[attr-defined]
    locks = getattr(threading, "_shutdown_locks", None)
    if locks is not None:
        for lock in [lock for lock in locks if isinstance(lock, primitives.Lock)]:
            locks.discard(lock)
