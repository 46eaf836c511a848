"""The search: runs a scenario under many schedules, hands out each distinct outcome, minimises and replays failures."""

from __future__ import annotations

import concurrent.futures.thread as executors
import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grader.explore import explain, helpers, recording, world
from grader.explore.program import Program
from grader.explore.results import Evidence, Failure, Kind, Outcome, Step, Summary, parse_schedule, schedule_text
from grader.explore.scheduler import Abort, Limits, Run
from grader.explore.strategies import Enumeration, Follow, Portfolio, Strategy

Scenario = Callable[..., Any]


@dataclass(frozen=True)
class Options:
    """`bound`: enumerate all schedules with at most that many preemptions (0, 1, 2 in turn) instead of searching at random.

    `schedules` and `seconds` are the budget; `points` the most switch points of one schedule.
    """

    schedules: int = 300
    seconds: float = 5.0
    seed: int = 0
    bound: int | None = None
    adversarial_timeouts: bool = False
    spurious: bool = False
    points: int = 20_000


@dataclass
class Ended:
    """How one schedule ended."""

    run: Run
    value: Any = None
    error: BaseException | None = None
    failed: tuple[Kind, str, Any] | None = None
    steps: tuple[Step, ...] = ()


class Exploration:
    """Schedules of `scenario(module, *args)`. Iterate for the distinct outcomes; a failure ends the iteration.

    `key` turns an outcome into something hashable that tells distinct ones apart (default: `repr`).
    """

    def __init__(
        self,
        scenario: Scenario,
        program: Program,
        args: Sequence[Any] = (),
        options: Options | None = None,
        key: Callable[[Any], Any] = repr,
    ) -> None:
        self.options = options or Options()
        self.failure: Failure | None = None
        self.summary = Summary(0, 0.0)
        self._scenario, self._program, self._args, self._key = scenario, program, args, key
        self._began = time.monotonic()
        self._seen: dict[Any, str] = {}

    def __iter__(self) -> Iterator[Outcome]:
        for strategy in self._strategies():
            ended = self._execute(strategy)
            number = self.summary.schedules + 1
            self.summary = Summary(number, time.monotonic() - self._began)
            if ended.failed:
                self.failure = self._proven(ended)
                return
            key = self._key(ended.value)
            if key not in self._seen:
                self._seen[key] = ended.run.schedule
                yield Outcome(ended.value, ended.run.schedule, number)
            if number >= self.options.schedules or time.monotonic() - self._began > self.options.seconds:
                return
        self.summary = Summary(self.summary.schedules, time.monotonic() - self._began, True, self.options.bound)

    def _strategies(self) -> Iterator[Strategy]:
        if self.options.bound is None:
            yield from Portfolio(self.options.seed)
        for bound in range((self.options.bound or 0) + 1):
            yield from Enumeration(bound)

    # -- one schedule ------------------------------------------------------------------------------------------------

    def _execute(self, strategy: Strategy, watch: recording.Recorder | None = None) -> Ended:
        options = self.options
        run = Run(
            strategy,
            Limits(points=options.points),
            adversarial_timeouts=options.adversarial_timeouts,
            spurious=options.spurious,
            watch=watch,
        )
        run.describe = lambda: explain.waits_of(run)
        ended = Ended(run)

        def failed(kind: Kind, message: str, error: BaseException) -> None:
            if run.failure is None:  # what is raised while a schedule is being ended is not its failure
                ended.error = error
            run.fail(kind, message, error)

        def main() -> None:
            try:
                module = self._program.fresh()
                ended.value = self._scenario(module, *self._args)
                _let_executors_end()
            except Abort:
                raise
            except BaseException as error:
                kind = Kind.RACE if isinstance(error, AssertionError) else Kind.EXCEPTION
                failed(kind, explain.described(error), error)

        def uncaught(args: Any) -> None:
            if args.exc_value is not None and not isinstance(args.exc_value, (Abort, SystemExit)):
                name = args.thread.name if args.thread else "a thread"
                run.uncaught = run.failure is None
                failed(Kind.EXCEPTION, f"{explain.described(args.exc_value)} in {name}", args.exc_value)

        collecting = gc.isenabled()
        gc.disable()  # a collection in the middle would run finalizers at another point each time
        try:
            with world.controlled(uncaught):
                thread = threading.Thread(target=main, name="main")
                threading._main_thread = thread  # type: ignore[attr-defined]
                run.execute(lambda: helpers.start_actor(run, thread))
            self._program.forget()
        finally:
            if collecting:
                gc.enable()
        if run.failure:
            ended.failed = run.failure
        return ended

    # -- minimal and replayed ----------------------------------------------------------------------------------------

    def _proven(self, ended: Ended) -> Failure:
        """The failure under its shortest schedule found, if it happens again; else `outside_control`."""
        assert ended.failed is not None
        kind, message, _ = ended.failed
        if kind is Kind.OUTSIDE_CONTROL:
            return explain.outside_control(ended.run, self._program.files)

        def same(other: Ended) -> bool:
            # By name: classes of the program under test are new in every schedule.
            return other.failed is not None and other.failed[0] is kind and _named(other.error) == _named(ended.error)

        shortest = self._minimised(ended.run.schedule, same, most=300 if kind is not Kind.LIVELOCK else 5)
        recorder = recording.Recorder()
        again = self._execute(Follow(*parse_schedule(shortest)), recorder)
        if not same(again):
            text = f"{kind}: {message}; but the same schedule did not do it again"
            return Failure(Kind.OUTSIDE_CONTROL, text, ended.run.schedule)
        return explain.failure(again.run, again.error, recorder, self._program.files)

    def evidence(self, outcome: Outcome) -> Evidence:
        """The shortest schedule found that gives this outcome."""
        wanted = self._key(outcome.value)

        def same(other: Ended) -> bool:
            return other.failed is None and bool(self._key(other.value) == wanted)

        shortest = self._minimised(outcome.schedule, same, most=300)
        recorder = recording.Recorder()
        again = self._execute(Follow(*parse_schedule(shortest)), recorder)
        note = explain.note_on(again.run, recorder)
        return Evidence(again.run.schedule, recorder.steps(), again.run.switches, note)

    def replay(self, schedule: str) -> tuple[Any, Failure | None, tuple[Step, ...]]:
        """Play one schedule: what the scenario returned, or the failure, and the steps. Raises ValueError."""
        recorder = recording.Recorder()
        ended = self._execute(Follow(*parse_schedule(schedule)), recorder)
        if not ended.failed:
            return ended.value, None, recorder.steps()
        failure = explain.failure(ended.run, ended.error, recorder, self._program.files)
        return ended.value, failure, failure.steps

    def _minimised(self, schedule: str, same: Callable[[Ended], bool], most: int) -> str:
        """Fewest switches: decisions are dropped one by one; while several are left, schedules with 0 or 1 preemptions are tried."""
        tried = 0
        best, in_turns = parse_schedule(schedule)
        end = time.monotonic() + 4.0  # a safety net: the counts end it on any machine at the same place
        shorter = True
        while shorter and tried < most and time.monotonic() < end:
            shorter = False
            for index in sorted(best, reverse=True):
                ended = self._execute(Follow({i: c for i, c in best.items() if i != index}, in_turns))
                tried += 1
                if same(ended):
                    best, shorter = dict(ended.run.deviations), True
                    break
        if len(best) <= 1 and not in_turns:
            return schedule_text(best.items(), in_turns)
        for number, strategy in enumerate(Enumeration(1)):
            if number >= most // 3 or time.monotonic() > end:
                break
            ended = self._execute(strategy)
            if same(ended):
                return ended.run.schedule
        return schedule_text(best.items(), in_turns)


def _named(error: BaseException | None) -> str:
    return type(error).__qualname__ if error is not None else ""


def _let_executors_end() -> None:
    """What Python does at its exit: idle workers of executors that nobody shut down are told to end."""
    executors._shutdown = True  # else a worker whose executor still exists waits for the next job
    try:
        for thread, jobs in list(executors._threads_queues.items()):
            jobs.put(None)
            thread.join()
    finally:
        executors._shutdown = False
