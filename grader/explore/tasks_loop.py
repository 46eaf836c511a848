"""An event loop whose order, clock and threads are under control: asyncio's own base loop, with our waiting and picking.

Ready handles run in asyncio's order (first in, first out) unless the conductor picks another one. When nothing is ready
the loop waits as an actor of the schedule, so virtual time passes, and threads of executors run meanwhile.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, NoReturn, Protocol

from grader.explore import scheduler
from grader.explore.results import Kind

RESOLUTION = 1e-9  # timers so close together are due at once, as with the real clock
# What `asyncio.to_thread` gets on a big machine: min(32, processors + 4). The same on every machine here.
WORKERS = 32


class Task(asyncio.Task[Any]):
    """Hashes to a number, so that a set of tasks has the same order every time."""

    def __init__(self, number: int, coroutine: Any, **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number


class Conductor(Protocol):
    reorders: bool

    def lane(self, owner: asyncio.Task[Any] | None) -> int:
        """A number for the owner of a handle; 0 is for callbacks that belong to no task."""

    def pick(self, lanes: Sequence[int]) -> int:
        """Which of these lanes runs next, as an index; 0 is asyncio's own choice."""

    def lateness(self) -> float:
        """Seconds by which a timer that is set now will be late."""

    def passes(self, seconds: float) -> bool:
        """Does so much time pass while something is ready to run?"""

    def created(self, task: asyncio.Task[Any], name: str | None) -> None: ...

    def ran(self, owner: asyncio.Task[Any] | None) -> None:
        """A handle has run."""

    def unhandled(self, context: dict[str, Any]) -> None:
        """What asyncio would have logged."""


class ControlledLoop(asyncio.BaseEventLoop):
    """To be made and run by an actor of a schedule. Without a conductor everything happens in asyncio's own order."""

    # Of asyncio's base loop, which does not tell type checkers of them.
    _ready: Any
    _scheduled: Any
    _stopping: bool
    _closed: bool
    _asyncgens: Any
    _default_executor: Any
    _check_closed: Callable[[], None]

    def __init__(self, conductor: Conductor | None = None) -> None:
        super().__init__()
        actor = scheduler.current()
        assert actor is not None, "only inside an exploration"
        self.conductor = conductor
        self.run = actor.run
        self.waits = False  # for timers, threads or nothing; not because a task blocks it
        self.tasks = 0

    def time(self) -> float:
        return self.run.now

    # -- waiting and picking -------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        self._drop_cancelled_timers()
        if not self._ready and not self._stopping:
            self._wait()
        self._collect_due_timers()
        for _ in range(len(self._ready)):
            if not self._ready:
                return
            handle = self._next()
            if handle._cancelled:
                continue
            owner = owner_of(handle)
            handle._run()
            if self.conductor is not None:
                self.conductor.ran(owner)

    def _wait(self) -> None:
        """Until something is ready or a timer is due."""
        actor = scheduler.current()
        assert actor is not None, "the loop is run by a thread that is not under control"
        while not self._ready:
            self._drop_cancelled_timers()
            deadline = self._scheduled[0]._when if self._scheduled else None
            if deadline is not None and deadline < self.run.now + RESOLUTION:
                return
            self.waits = True
            try:
                self.run.block(actor, self, deadline)
            finally:
                self.waits = False

    def _next(self) -> Any:
        if self.conductor is None or not self.conductor.reorders:
            return self._ready.popleft()
        lanes: dict[int, int] = {}
        for index, handle in enumerate(self._ready):
            if not handle._cancelled:
                lanes.setdefault(self.conductor.lane(owner_of(handle)), index)
        if not lanes:
            return self._ready.popleft()
        index = list(lanes.values())[self.conductor.pick(list(lanes))]
        handle = self._ready[index]
        del self._ready[index]
        return handle

    def _drop_cancelled_timers(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False

    def _collect_due_timers(self) -> None:
        while self._scheduled:
            ahead = self._scheduled[0]._when - self.run.now
            if ahead >= RESOLUTION:
                if not self._ready or self.conductor is None or not self.conductor.passes(ahead):
                    return
                self.run.now += ahead
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._ready.append(timer)

    def _write_to_self(self) -> None:
        self.run.wake(self)

    # -- what is created and logged --------------------------------------------------------------------------------------

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        name = options.get("name")
        self.tasks += 1
        if name is None:
            options["name"] = f"Task-{self.tasks}"  # asyncio counts on from schedule to schedule
        task: asyncio.Task[Any]
        if self.get_task_factory() is None:
            self._check_closed()
            task = Task(self.tasks, coro, loop=self, **options)
        else:
            task = super().create_task(coro, **options)
        if self.conductor is not None:
            self.conductor.created(task, name)
        return task

    def call_at(  # type: ignore[override]  # in the words of the base class it would need a line of type variables
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        late = self.conductor.lateness() if self.conductor is not None else 0.0
        return super().call_at(when + late, callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        if executor is None and self._default_executor is None:
            self.set_default_executor(ThreadPoolExecutor(WORKERS, thread_name_prefix="asyncio"))
        return super().run_in_executor(executor, func, *args)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        if self.conductor is not None:
            self.conductor.unhandled(context)

    # -- real input and output -------------------------------------------------------------------------------------------

    def _outside(self, name: str) -> NoReturn:
        actor = scheduler.current()
        self.run.fail(Kind.OUTSIDE_CONTROL, f"loop.{name}() is real input or output", None)
        if actor is not None:
            self.run.abort(actor)
        raise RuntimeError(f"loop.{name}() was called by a thread that is not under control")


def owner_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    """The task of which the handle is a step."""
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return owner if isinstance(owner, asyncio.Task) else None


def _refuse(name: str) -> None:
    setattr(ControlledLoop, name, lambda self, *args, **options: self._outside(name))


for _name in (
    "getaddrinfo", "getnameinfo", "create_connection", "create_server", "create_datagram_endpoint",
    "create_unix_connection", "create_unix_server", "connect_accepted_socket", "connect_read_pipe",
    "connect_write_pipe", "subprocess_exec", "subprocess_shell", "add_reader", "add_writer", "sendfile", "start_tls",
    "sock_recv", "sock_recv_into", "sock_sendall", "sock_connect", "sock_accept", "sock_sendfile",
):  # fmt: skip
    _refuse(_name)
