"""One schedule: real threads, of which exactly one runs at a time, switched only at points that the engine sees.

An actor is a thread under control. It stops at a point, a strategy says who goes on, and its gate (a real lock) opens.
Time is virtual: it jumps to the next deadline when nobody can run.
"""

from __future__ import annotations

import _thread
import sys
import time as real_time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from grader.explore import points
from grader.explore.results import SPURIOUS, Kind, schedule_text
from grader.explore.strategies import Strategy

FAIR = 1000  # points in a row by one actor while others could run; then the default policy lets the next one on
MOST_ABORTS = 50  # exceptions thrown into an actor that does not end; then it is parked for ever
MOST_SPURIOUS, MOST_EXPIRED = 3, 20  # unprovoked wake-ups and time-outs per schedule
PATIENCE = 2.0  # real seconds without a point: the running thread is blocked in something real


class Abort(BaseException):
    """Thrown into actors when their schedule is over."""


@dataclass
class Limits:
    points: int = 20_000
    loops: int = 200_000  # rounds of loops, also those that touch nothing shared
    seconds: float = 20.0  # real ones


class Actor:
    def __init__(self, run: Run, number: int, name: str, daemon: bool) -> None:
        self.run, self.number, self.name, self.daemon = run, number, name, daemon
        self.gate = _thread.allocate_lock()
        self.gate.acquire()
        self.ident = 0
        self.ready = True
        self.done = False
        self.resource: object = None  # what it waits for
        self.deadline: float | None = None
        self.expired = False
        self.condition: Any = None  # (condition, waiter lock) while in Condition.wait
        self.sentinel: Any = None  # the lock that Thread.join waits for, up to Python 3.12
        self.quiet = False  # no switch points: in the middle of Thread.start, at either end of it
        self.starts: Actor | None = None  # whom it is starting
        self.starter: Actor | None = None  # who gets the turn back when this actor has said that it runs
        self.starting: Any = None  # the lock whose release says so
        self.frame: FrameType | None = None  # of the traced function that reached a point, while it is there
        self.aborts = 0
        self.ended = _thread.allocate_lock()  # released when the real thread is at its end
        self.ended.acquire()


@dataclass
class Solo:
    """One actor goes on, and all others stand still, for so many steps, or until it has to wait for something."""

    actor: Actor
    end: int  # the number of steps of the run at which it is over
    wait: Any = None  # as `Run.describe` tells it
    waited: bool = False


class Watcher(Protocol):
    """Is told of every point in traced code, and of every lock that is waited for and taken below it."""

    def __call__(self, actor: Actor, frame: FrameType) -> None: ...
    def waits(self, actor: Actor, lock: object, frame: FrameType) -> None: ...
    def took(self, actor: Actor, lock: object, frame: FrameType) -> None: ...


class Run:
    """The state of one schedule."""

    actors_by_ident: dict[int, Actor] = {}  # noqa: RUF012 - of the process: one run at a time

    def __init__(
        self,
        strategy: Strategy,
        limits: Limits,
        *,
        adversarial_timeouts: bool = False,
        spurious: bool = False,
        watch: Watcher | None = None,
    ) -> None:
        self.strategy, self.limits, self.watch = strategy, limits, watch
        self.adversarial, self.spurious = adversarial_timeouts, spurious
        self.actors: list[Actor] = []
        self.running: Actor | None = None
        self.now = 1000.0
        self.points = self.loops = self.decisions = self.switches = 0
        self.deviations: list[tuple[int, int]] = []
        self.over = False
        self.uncaught = False  # did an exception leave a thread that the program started?
        self.failure: tuple[Kind, str, Any] | None = None
        self.log: list[tuple[str, Actor, Any]] = []  # acquisitions, releases and marks, in order
        self.describe: Callable[[], Any] | None = None  # asked for the waits of a deadlock while all are still blocked
        self.solo: Solo | None = None
        self._streak = self._reads = self._spurious_used = self._expired_used = 0
        self._finished = _thread.allocate_lock()
        self._finished.acquire()

    # -- for the controlling thread ------------------------------------------------------------------------------

    def execute(self, start_main: Callable[[], object]) -> None:
        """Run until the main actor and all non-daemon ones have ended, or something failed. Then end all actors."""
        points.listen(self._at)
        start_main()
        self._resume(self.actors[0])
        began, seen, last = real_time.monotonic(), -1, real_time.monotonic()
        while not self._finished.acquire(timeout=0.25):
            now = real_time.monotonic()
            if (progress := self.steps) != seen:
                seen, last = progress, now
            if now - last > PATIENCE or now - began > self.limits.seconds:
                stuck = self.running
                if self.failure is None:
                    self.failure = (Kind.OUTSIDE_CONTROL, "blocked", stuck)
                break
        self._end_all()

    @property
    def schedule(self) -> str:
        return schedule_text(self.deviations, self.strategy.in_turns)

    def _end_all(self) -> None:
        """One at a time, so that clean-up code of the threads under test never runs side by side."""
        self.over = True
        last = self.running
        for actor in sorted(self.actors, key=lambda a: a is not last):
            if actor is not last:
                self._resume(actor)
            actor.ended.acquire(timeout=1.0)
        for actor in self.actors:
            Run.actors_by_ident.pop(actor.ident, None)

    # -- for actors ------------------------------------------------------------------------------------------------

    def spawn(self, function: Callable[[], object], name: str, daemon: bool) -> Actor:
        """A new actor, ready to run, in a real thread that waits for its turn."""
        actor = Actor(self, len(self.actors), name, daemon)
        self.actors.append(actor)

        def live() -> None:
            actor.ident = _thread.get_ident()
            Run.actors_by_ident[actor.ident] = actor
            actor.gate.acquire()
            try:
                if not self.over:
                    points.trace_this_thread()
                    function()
            except Abort:
                pass
            except KeyError:
                if not self.over:  # else Thread._delete of a thread that was given up, after its world has gone
                    raise
            finally:
                sys.settrace(None)
                self._end(actor)
                actor.ended.release()

        _thread.start_new_thread(live, ())
        return actor

    def point(self, actor: Actor, at_lock: bool = False) -> None:
        """The actor may be switched out here. `at_lock`: before it takes a lock."""
        if actor.quiet:
            return
        if self.over:
            self.abort(actor)
        self.points += 1
        if self.points > self.limits.points:
            self.fail(Kind.LIVELOCK, f"{self.limits.points} steps", None)
            self.abort(actor)
        if self.solo is not None and self.solo.actor is actor:
            if self.steps <= self.solo.end:
                return
            self.solo = None
        self._streak += 1
        options = self._options()
        if len(options) > 1:
            following = self._choose(actor, options, at_lock)
            if following is not actor:
                self.switches += 1
                self._hand_over(actor, following)

    def block(self, actor: Actor, resource: object, deadline: float | None = None, condition: Any = None) -> bool:
        """Wait until somebody wakes `resource`. False when the deadline (virtual seconds) passed first."""
        actor.ready, actor.resource, actor.deadline, actor.expired = False, resource, deadline, False
        actor.condition = condition
        if self.solo is not None and self.solo.actor is actor:
            self._end_solo(self.solo)
        following = None if self.over else actor.starts or self._next(actor)
        if following is None:
            self.abort(actor)
            return False
        if following is not actor:
            self._hand_over(actor, following)
        actor.resource = actor.deadline = actor.condition = None
        return not actor.expired

    def begin(self, actor: Actor, thread: Any, starter: Actor | None = None) -> None:
        """The actor is a thread that begins. Thread.start is one step: until it is over, nobody else comes in between."""
        actor.quiet, actor.starter = True, starter
        actor.starting = thread._started._cond._lock
        if starter is not None:
            starter.starts = actor

    def begun(self, actor: Actor) -> None:
        """The new thread has said that it runs."""
        actor.quiet, actor.starting = False, None
        if actor.starter is not None:
            actor.starter.starts = None
            self._hand_over(actor, actor.starter)

    def _end_solo(self, solo: Solo) -> None:
        """It would wait for ever, since nobody else runs: let the others on, and remember for what."""
        waits = self.describe() if self.describe else ()
        solo.wait = next((wait for wait in waits if wait.actor == solo.actor.name), None)
        solo.waited, self.solo = True, None

    @property
    def steps(self) -> int:
        """Points and rounds of loops so far, of all actors."""
        return self.points + self.loops

    def wake(self, resource: object) -> None:
        for actor in self.actors:
            if actor.resource is resource and not actor.ready:
                actor.ready = True

    def sleep(self, actor: Actor, seconds: float) -> None:
        if seconds > 0:
            self.block(actor, "sleep", self.now + seconds)
        else:
            self._streak = FAIR  # a wish to let others on
            self.point(actor)

    def read_clock(self) -> float:
        """Virtual seconds. Reading takes time, and more and more of it, so that a loop that waits by reading ends."""
        self._reads += 1
        self.now += min(0.01, 1e-9 * 2 ** max(0, min(self._reads - 100, 30)))
        return self.now

    def fail(self, kind: Kind, message: str, detail: Any) -> None:
        """End this schedule with a failure; the first one counts."""
        if self.failure is None and not self.over:
            self.failure = (kind, message, detail)
        self._finish()

    def abort(self, actor: Actor) -> None:
        """End the actor's thread by an exception; one that swallows it again and again is parked for ever."""
        actor.aborts += 1
        # On 3.11 an exception out of the trace function ends tracing: a loop with a bare `except` would spin for ever.
        swallows = sys.version_info < (3, 12) and self.failure and self.failure[0] is Kind.LIVELOCK
        swallows = swallows and points.catches(actor.frame)
        actor.frame = None
        if actor.aborts > MOST_ABORTS or swallows:
            actor.done = True
            actor.ended.release()
            Run.actors_by_ident.pop(actor.ident, None)
            actor.gate.acquire()
            actor.gate.acquire()
        raise Abort

    # -- inside ------------------------------------------------------------------------------------------------------

    def _at(self, frame: FrameType, what: int) -> None:
        actor = current()
        if actor is None or actor.run is not self:
            return
        actor.frame = frame
        self._reached(actor, frame, what)
        actor.frame = None

    def _reached(self, actor: Actor, frame: FrameType, what: int) -> None:
        if what == points.LOOP:
            self.loops += 1
            if self.loops > self.limits.loops:
                self.fail(Kind.LIVELOCK, f"{self.limits.loops} rounds of loops", None)
            if self.loops % FAIR == 0:
                self._streak = FAIR
                self.point(actor)
            elif self.over:
                self.abort(actor)
            return
        if self.watch is not None and not self.over:
            self.watch(actor, frame)
        self.point(actor)
        if self.watch is not None and not self.over:
            self.watch(actor, frame)

    def _options(self) -> list[int]:
        options = [a.number for a in self.actors if a.ready and not a.done]
        if self.adversarial and self._expired_used < MOST_EXPIRED:
            options += [a.number for a in self.actors if not a.ready and not a.done and a.deadline is not None]
        if self.spurious and self._spurious_used < MOST_SPURIOUS:
            options += [a.number + SPURIOUS for a in self.actors if not a.ready and a.condition is not None]
        return options

    def _choose(self, current: Actor, options: list[int], at_lock: bool = False) -> Actor:
        default = current.number
        if default not in options or self._streak > FAIR or self.strategy.in_turns:
            later = [o for o in options if o > current.number and o < SPURIOUS and self.actors[o].ready]
            ready = [o for o in options if o < SPURIOUS and self.actors[o].ready and o != current.number]
            default = later[0] if later else ready[0] if ready else options[0]
        choice = self.strategy.choose(self.decisions, current.number, options, default, at_lock)
        if choice != default:
            self.deviations.append((self.decisions, choice))
        self.decisions += 1
        chosen = self.actors[choice % SPURIOUS]
        if choice >= SPURIOUS:
            self._spurious_used += 1
            condition, waiter = chosen.condition
            condition._waiters.remove(waiter)
            waiter._unlock()
        elif not chosen.ready:
            self._expired_used += 1
            self._expire(chosen)
        if chosen is not current:
            self._streak = 0
        return chosen

    def _expire(self, actor: Actor) -> None:
        assert actor.deadline is not None
        self.now = max(self.now, actor.deadline)
        self._reads = 0
        actor.ready = actor.expired = True

    def _next(self, current: Actor) -> Actor | None:
        """Who runs when `current` cannot. None: the schedule is over."""
        if self.over:
            return None
        if not any(a.ready and not a.done for a in self.actors) and not self._jump():
            self._stand_still()
            return None
        if all(a.done or a.daemon for a in self.actors):
            self._finish()  # as Python would: daemons are dropped
            return None
        options = self._options()
        return self._choose(current, options) if len(options) > 1 else self.actors[options[0]]

    def _jump(self) -> bool:
        """Nobody can run: let virtual time pass to the next deadline. False when there is none."""
        waiting = [a for a in self.actors if not a.ready and not a.done and a.deadline is not None]
        if not waiting or all(a.done or a.daemon for a in self.actors):
            return False
        first = min(a.deadline for a in waiting if a.deadline is not None)
        for actor in waiting:
            if actor.deadline == first:
                self._expire(actor)
        return True

    def _stand_still(self) -> None:
        if all(a.done or a.daemon for a in self.actors):
            self._finish()
        else:
            self.fail(Kind.DEADLOCK, "nobody can go on", self.describe() if self.describe else None)

    def _hand_over(self, actor: Actor, following: Actor) -> None:
        self._resume(following)
        actor.gate.acquire()
        if self.over:
            self.abort(actor)

    def _resume(self, actor: Actor) -> None:
        self.running = actor
        if actor.gate.locked():
            actor.gate.release()

    def _end(self, actor: Actor) -> None:
        """The actor's function has returned: wake who joins it, and hand over."""
        actor.done, actor.ready = True, False
        if actor.sentinel is not None and actor.sentinel.locked():
            actor.sentinel._unlock()
        self.wake(actor)
        if self.over:
            return
        following = self._next(actor)
        if following is not None:
            self._resume(following)

    def _finish(self) -> None:
        if not self.over:
            self.over = True
            self._finished.release()


def current() -> Actor | None:
    """The actor of the calling thread, while its run is on. None in a thread at its very end.

    What its `threading.local` data held is given up only then, and may run `__del__` and finalizers, which nobody can switch.
    """
    actor = Run.actors_by_ident.get(_thread.get_ident())
    return None if actor is None or actor.done else actor
