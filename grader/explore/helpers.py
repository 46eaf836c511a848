"""What scenarios call: several threads at once, an explicit switch point, "could they overlap?", "can it go on alone?", "is it quiet?"."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.explore import scheduler
from grader.explore.results import Wait
from grader.explore.scheduler import Actor, Run, Solo

A_LOT = 20  # points that threads which wait for nothing but the end of a nap pass at most


@dataclass(frozen=True)
class Alone:
    """What a function came to while nobody else ran. `steps`: its switch points and rounds of loops.

    `waited`: it could not end without the others; `wait` says for what it waited, where, and who held it, if that is known.
    """

    value: Any
    steps: int
    waited: bool
    wait: Wait | None


def start_actor(run: Run, thread: threading.Thread) -> Actor:
    """Like `thread.start()`, but ready at once, without waiting for the thread to say that it runs."""
    threading._limbo[thread] = thread  # type: ignore[attr-defined]
    actor = run.spawn(thread._bootstrap, thread.name, False)  # type: ignore[attr-defined]
    run.begin(actor, thread)
    handle = getattr(thread, "_handle", None)
    if handle is not None:
        handle.actor = actor
    return actor


def together(*functions: Callable[[], Any], names: tuple[str, ...] = ()) -> list[Any]:
    """Call each function in a thread of its own, all ready at once; their results. The first exception is raised again."""
    me = scheduler.current()
    if me is None:
        raise RuntimeError("together() works only inside an exploration")
    results: list[Any] = [None] * len(functions)
    errors: list[BaseException] = []

    def body(number: int, function: Callable[[], Any]) -> Callable[[], None]:
        def call() -> None:
            run = me.run
            run.log.append(("begin", run.actors[threads[number].number], number))
            try:
                results[number] = function()
            except scheduler.Abort:
                raise
            except BaseException as error:
                errors.append(error)
            run.log.append(("end", run.actors[threads[number].number], number))

        return call

    threads: list[Actor] = []
    for number, function in enumerate(functions):
        name = names[number] if number < len(names) else f"thread {number + 1}"
        thread = threading.Thread(target=body(number, function), name=name)
        threads.append(start_actor(me.run, thread))
    for actor in threads:
        while not actor.done:
            me.run.block(me, actor)
    if errors:
        raise errors[0]
    return results


def pause() -> None:
    """Another thread may come in between here."""
    me = scheduler.current()
    if me is not None:
        me.run.point(me)


def overlapped(first: Callable[[], Any], second: Callable[[], Any]) -> bool:
    """Run both at once. True if `second` ran from start to end while `first` was in the middle of its work.

    The middle is from its first taking of a lock to its last release; from its start to its end if it takes none.
    If no schedule gives True, `second` always has to wait for `first`.
    """
    me = scheduler.current()
    if me is None:
        raise RuntimeError("overlapped() works only inside an exploration")
    mark = len(me.run.log)
    together(first, second)
    log = me.run.log[mark:]
    one = next(actor for what, actor, number in log if what == "begin" and number == 0)
    spans = {(what, number): place for place, (what, _, number) in enumerate(log) if what in ("begin", "end")}
    begin, end = spans["begin", 0], spans["end", 0]
    inside = [
        p
        for p, (what, actor, _) in enumerate(log)
        if actor is one and what in ("acquire", "release") and begin < p < end
    ]
    if inside:
        begin, end = inside[0], inside[-1]
    return begin < spans["begin", 1] and spans["end", 1] < end


def alone(function: Callable[[], Any], most: int = 1000) -> Alone:
    """Call it while all other threads stand still where they are, as if they never ran again.

    Asked in every schedule of `together(other, lambda: alone(function))` with `bound=1`, this is what wait-free means: whatever step
    the other one was stopped at, `function` ends after a bounded number of its own. It is left alone no longer when it
    has to wait for something, also for time to pass, or has taken `most` steps; then `waited` or `steps > most` tells so.
    """
    me = scheduler.current()
    if me is None:
        raise RuntimeError("alone() works only inside an exploration")
    run, before = me.run, me.run.steps
    solo = run.solo = Solo(me, before + most)
    try:
        value = function()
    finally:
        steps = run.steps - before
        if run.solo is solo:
            run.solo = None
    return Alone(value, steps, solo.waited, solo.wait)


def points_passed() -> int:
    """Switch points that all threads of this schedule have passed so far."""
    me = scheduler.current()
    return me.run.points if me else 0


def quiet() -> tuple[float, int]:
    """Let up to three virtual hours pass: how many seconds it were, and how many switch points all threads passed meanwhile.

    Whoever sleeps until it is woken passes none. It ends early when somebody is busy.
    """
    time.sleep(0.1)  # until all that is under way has come to rest
    before, seconds, passed = points_passed(), 0.0, 0
    for span in (0.1, 1, 10, 100, 1000, 10_000):
        time.sleep(span)
        seconds, passed = round(seconds + span, 1), points_passed() - before
        if passed > A_LOT:
            break
    return seconds, passed


def waited() -> list[str]:
    """The names of the threads that had to wait for a lock so far in this schedule."""
    me = scheduler.current()
    return [actor.name for what, actor, _ in me.run.log if what == "wait"] if me else []
