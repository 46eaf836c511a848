"""The lowest level under control: the lock, thread start and join, and the clock.

Condition, Event, Semaphore, Barrier, RLock, Timer, queues, futures and executors are CPython's own code on top of these,
so that their semantics cannot drift from the real ones. Outside a schedule each of these behaves as the real thing.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from grader.explore import points, scheduler
from grader.explore.scheduler import Actor

REAL_SLEEP, REAL_START, REAL_THREAD_START = time.sleep, _thread.start_new_thread, threading.Thread.start
_WAIT = threading.Condition.wait.__code__
EPOCH = 1_700_000_000.0 - 1000.0  # of the virtual time.time()


class Lock:
    """`threading.Lock` under control."""

    def __init__(self) -> None:
        self._locked = False
        self.holder: Actor | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        actor = scheduler.current()
        if actor is None:
            return self._acquire_uncontrolled(blocking)
        run = actor.run
        run.point(actor, at_lock=True)
        if self._locked and self.holder is None:
            self._wait_uncontrolled()
        if self._locked:
            if not blocking or timeout == 0:
                return False
            deadline = None if timeout == -1 else run.now + timeout
            condition = self._condition_waited_for() if run.spurious else None
            run.log.append(("wait", actor, self))
            if run.watch is not None and (frame := _traced_frame()) is not None:
                run.watch.waits(actor, self, frame)
            while self._locked:
                if not run.block(actor, self, deadline, condition):
                    return False
        self._locked, self.holder = True, actor
        run.log.append(("acquire", actor, self))
        if run.watch is not None and (frame := _traced_frame()) is not None:
            run.watch.took(actor, self, frame)
        return True

    def release(self) -> None:
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        actor = scheduler.current()
        holder = self.holder
        self._unlock()
        if actor is not None and not actor.run.over:
            actor.run.log.append(("release", holder or actor, self))
            if actor.starting is self:
                _begun(actor)
            else:
                actor.run.point(actor)

    def _unlock(self) -> None:
        """Release without a point."""
        holder, self._locked, self.holder = self.holder, False, None
        actor = scheduler.current() or holder
        if actor is not None:
            actor.run.wake(self)

    def _acquire_uncontrolled(self, blocking: bool) -> bool:
        """From a thread that is not of the schedule: the engine's own, one started before it, or one at its very end."""
        if blocking:
            self._wait_uncontrolled()
        if self._locked and blocking:
            raise RuntimeError("a thread that is not under control waits for a lock of one that is")
        taken, self._locked = not self._locked, True
        return taken

    def _wait_uncontrolled(self) -> None:
        """One side is beyond control and runs on by itself: let the holder come to its release, at most for a second."""
        for _ in range(1000):
            if not self._locked:
                return
            REAL_SLEEP(0.001)

    @staticmethod
    def _condition_waited_for() -> Any:
        frame = sys._getframe(2)
        return (frame.f_locals["self"], frame.f_locals["waiter"]) if frame.f_code is _WAIT else None

    def locked(self) -> bool:
        return self._locked

    def _at_fork_reinit(self) -> None:
        self._locked, self.holder = False, None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<{'locked' if self._locked else 'unlocked'} Lock>"


def _traced_frame() -> FrameType | None:
    """The innermost traced function that is running in this thread."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not points.is_traced(frame.f_code):
        frame = frame.f_back
    return frame


class Handle:
    """`_thread._ThreadHandle` under control (Python 3.13 and later)."""

    def __init__(self) -> None:
        self.actor: Actor | None = None
        self._forced = False

    @property
    def ident(self) -> int:
        return self.actor.ident if self.actor else 0

    def is_done(self) -> bool:
        return self._forced or (self.actor is not None and self.actor.done)

    def _set_done(self) -> None:
        self._forced = True

    def join(self, timeout: float | None = None) -> None:
        me = scheduler.current()
        if me is None or self.actor is None:
            return
        me.run.point(me)
        deadline = None if timeout is None or timeout < 0 else me.run.now + timeout
        while not self.actor.done:
            if not me.run.block(me, self.actor, deadline):
                return


def start(thread: threading.Thread) -> None:
    """`Thread.start` under control: CPython's own, but nobody comes in between its steps, only after them."""
    me = scheduler.current()
    if me is None or me.quiet:
        REAL_THREAD_START(thread)
        return
    me.quiet = True
    try:
        REAL_THREAD_START(thread)
    finally:
        me.quiet = False
    me.run.point(me)


def _begun(actor: Actor) -> None:
    """The new thread has said that it runs; the next thing is its `run`."""
    try:
        actor.run.begun(actor)
    except scheduler.Abort:
        # Thread._bootstrap_inner removes itself from there at its end, and is not yet in.
        threading._active[actor.ident] = threading.main_thread()  # type: ignore[attr-defined]
        raise


def start_thread(function: Callable[..., object], args: tuple[Any, ...] = (), kwargs: Any = None) -> int:
    """`_thread.start_new_thread` under control."""
    me = scheduler.current()
    if me is None:
        return REAL_START(function, args, kwargs or {})
    if me.run.over:
        me.run.abort(me)
    thread = getattr(function, "__self__", None)
    name = thread.name if isinstance(thread, threading.Thread) else "thread"
    daemon = bool(thread.daemon) if isinstance(thread, threading.Thread) else True
    actor = me.run.spawn(lambda: function(*args, **(kwargs or {})), name, daemon)
    if isinstance(thread, threading.Thread):
        me.run.begin(actor, thread, me)
    return 0


def start_joinable_thread(function: Callable[[], object], handle: Handle | None = None, daemon: bool = True) -> Handle:
    """`_thread.start_joinable_thread` under control (Python 3.13 and later)."""
    me = scheduler.current()
    handle = handle or Handle()
    if me is None:
        REAL_START(function, ())
        return handle
    if me.run.over:
        me.run.abort(me)
    thread = getattr(function, "__self__", None)
    name = thread.name if isinstance(thread, threading.Thread) else "thread"
    handle.actor = me.run.spawn(function, name, daemon)
    if isinstance(thread, threading.Thread):
        me.run.begin(handle.actor, thread, me)
    return handle


def set_sentinel() -> Any:
    """`_thread._set_sentinel` under control: the lock that is released when the calling thread ends (up to Python 3.12)."""
    actor = scheduler.current()
    lock = Lock()
    if actor is not None:
        actor.sentinel = lock
    return lock


def sleep(seconds: float) -> None:
    actor = scheduler.current()
    if actor is None:
        REAL_SLEEP(seconds)
    elif seconds < 0:
        raise ValueError("sleep length must be non-negative")
    else:
        actor.run.sleep(actor, seconds)


def _clock(real: Callable[[], Any], base: float, unit: float) -> Callable[[], Any]:
    def read() -> Any:
        actor = scheduler.current()
        if actor is None:
            return real()
        value = base + actor.run.read_clock()
        return value if unit == 1 else int(value * unit)

    return read


CLOCKS: dict[str, Callable[[], Any]] = {
    "monotonic": _clock(time.monotonic, 0.0, 1),
    "perf_counter": _clock(time.perf_counter, 0.0, 1),
    "time": _clock(time.time, EPOCH, 1),
    "monotonic_ns": _clock(time.monotonic_ns, 0.0, 1e9),
    "perf_counter_ns": _clock(time.perf_counter_ns, 0.0, 1e9),
    "time_ns": _clock(time.time_ns, EPOCH, 1e9),
}
