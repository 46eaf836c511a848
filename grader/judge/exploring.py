"""The fixture `explore`: a scenario under many schedules, its outcomes to plain expectations."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from grader.judge import trace
from grader.judge.expectations import CheckFailed
from grader.judge.submission import Submission, name_inside
from grader.sandbox import wire

MOST_SCHEDULES = 1_000_000  # no exploration tries so many; the number comes from the submission's process
SHARE = 3  # an exploration may take one part in so many of the time that its check has left
CONTROL = """
import asyncio

class {name}:
    def __init__(self):
        self.{field} = {start}

    {define} {call}(self):
        if self.{field} == {start}:
            {between}
            self.{field} += {step}
            return True
        return False

control = {name}()
"""


class ScheduleFailed(Exception):
    """The engine itself saw the schedule fail: a deadlock, an exception, no end. `failure` is plain data.

    `tasks`: of asyncio, not of threads. `timely`: the fault needs a switch at a bad moment.
    """

    def __init__(self, failure: dict[str, Any], token: str, tasks: bool = False) -> None:
        super().__init__(failure.get("message", ""))
        self.failure, self.token, self.tasks = failure, token, tasks
        self.timely = is_timely(failure, tasks)


def is_timely(found: dict[str, Any], tasks: bool) -> bool:
    """Does it need a bad moment? Threads that run one after the other, until they block, show no race."""
    return tasks or found.get("switches") != 0


class Replayed(Exception):
    """`grader replay` asked for this one schedule: what happened is in `played`."""

    def __init__(self, played: dict[str, Any]) -> None:
        super().__init__("replayed")
        self.played = played


class Explore:
    """`for outcome in explore(scenario, ...)`: each distinct outcome once. Deadlocks and the like fail the check."""

    def __init__(self, submission: Submission, number: int, rng: random.Random, replay: str | None) -> None:
        self._submission, self._number, self._rng, self._replay = submission, number, rng, replay
        self._explorations = 0
        self.lock_free = False  # set by checks of code that must do without locks: "No lock was held" is then no hint
        self._tasks = False  # is the exploration now one of asyncio?
        self.is_open = False  # between an outcome and the request for the next one
        self._enumerated = False  # did the last search try every schedule within its bound?
        self.summary: dict[str, Any] = {}
        self.schedules = 0  # of all explorations of this check, without the controls

    @property
    def evidence(self) -> dict[str, Any] | None:
        """How much was looked at before the check passed, by the word of the submission's process."""
        return {"type": "schedule", "explored": self.schedules} if self.schedules else None

    @property
    def begun(self) -> bool:
        return self._explorations > 0

    def __call__(
        self,
        scenario: Callable[..., Any],
        *args: Any,
        schedules: int = 300,
        seconds: float = 3.0,
        bound: int | None = None,
        spurious: bool = False,
        adversarial_timeouts: bool = False,
        points: int = 20_000,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """What the `@scenario` returned, for each distinct value.

        Searches `schedules` at random for at most `seconds`; with `bound`, all schedules of at most that many
        preemptions, within the same budget. `spurious` wakes waiting threads for no reason; `adversarial_timeouts`
        lets timed waits end although nobody was slow.
        """
        options = {
            "schedules": schedules,
            "seconds": seconds,
            "bound": bound,
            "spurious": spurious,
            "adversarial_timeouts": adversarial_timeouts,
            "points": points,
        }
        return self._explore(scenario, args, kwargs, options)

    def tasks(
        self,
        scenario: Callable[..., Any],
        *args: Any,
        schedules: int = 100,
        seconds: float = 3.0,
        reorder: bool = False,
        cancel: str | None = None,
        cancel_times: int = 1,
        timer_jitter: bool = False,
        check_leaks: bool = True,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """The same for an `async def` scenario, in virtual time; see `grader.explore.tasks.explore_tasks`.

        `reorder`: ready tasks in any order; `cancel`: a task's name or pattern, or "everywhere", cancelled at each of its
        suspension points in turn, `cancel_times` times; `timer_jitter`: timers that are due together fire in any order.
        """
        options = {
            "schedules": schedules,
            "seconds": seconds,
            "reorder": reorder,
            "cancel": cancel,
            "cancel_times": cancel_times,
            "timer_jitter": timer_jitter,
            "check_leaks": check_leaks,
        }
        return self._explore(scenario, args, kwargs, options, tasks=True)

    def _explore(
        self,
        scenario: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: dict[str, Any],
        tasks: bool = False,
    ) -> Iterator[Any]:
        self._explorations += 1
        self._tasks = tasks
        # On a busy machine the last exploration of a check must still end in time: correct code would be called hung.
        options = {**options, "seconds": min(options["seconds"], self._submission.remaining() / SHARE)}
        self._submission.explore(scenario, args, kwargs, {**options, "seed": self._rng.randrange(1 << 30)})
        if self._replay is not None:
            self._play(self._replay)
            return
        yield from self._outcomes(f"your code in the check's {name_inside(scenario)}()")
        self._enumerated = bool(self.summary.get("exhausted"))
        if type(count := self.summary.get("schedules")) is int:
            self.schedules += max(0, min(count, MOST_SCHEDULES))
        self._check_control(1 if options.get("bound") is not None else None)

    def possible(self, scenario: Callable[..., Any], *args: Any, bound: int = 1, **options: Any) -> bool:
        """Is there a schedule in which the scenario returns True? In doubt, yes.

        False only if the random search has found none and all schedules with at most `bound` preemptions were tried.
        """
        if any(value is True for value in self(scenario, *args, schedules=200, seconds=1.0, **options)):
            return True
        found = any(value is True for value in self(scenario, *args, bound=bound, schedules=2000, **options))
        return found or not self._enumerated

    def _outcomes(self, label: str) -> Iterator[Any]:
        while True:
            answer = self._ask("explore-next", label)
            summary = _plain(answer.get("summary"))
            self.summary = summary if isinstance(summary, dict) else {}
            if "failure" not in answer:
                self.is_open = True
                yield answer.get("value")
                self.is_open = False
                continue
            failure = _plain(answer["failure"])
            if isinstance(failure, dict):
                raise ScheduleFailed(failure, self._token(failure), self._tasks)
            return

    def _ask(self, do: str, label: str = "an exploration", **more: Any) -> dict[str, Any]:
        answer = self._submission.explore_request({"do": do, **more}, label)
        if not isinstance(answer, dict):
            raise CheckFailed("The exploration gave no usable answer.", "Does your code change how threads work?")
        return answer

    def _token(self, found: dict[str, Any]) -> str:
        return f"kt1-{self._number}{chr(ord('a') + self._explorations - 1)}-{trace.schedule_of(found)}"

    def explain(self, failed: CheckFailed) -> CheckFailed:
        """The same failure with the schedule that led to it, if it came from an outcome of an exploration."""
        if not self.is_open or failed.evidence is not None:
            return failed
        found = _plain(self._ask("explore-evidence"))
        steps = trace.steps_of(found)
        token = self._token(found)
        evidence = {"type": "schedule", "token": token, "steps": steps}
        happened = [failed.message]
        if is_timely(found, self._tasks):
            note = "" if self.lock_free else str(found.get("note", ""))[:300]
            happened += [*filter(None, [note]), *trace.lines(steps)]
        return CheckFailed("\n".join(happened), failed.idea, evidence)

    def _check_control(self, bound: int | None) -> None:
        """Before anything passes: the same engine, in the same process, must find the fault of a broken object."""
        word = "".join(self._rng.choice("bcdfghklmnprstvz") + self._rng.choice("aeiou") for _ in range(3))
        start, step = self._rng.randrange(100), self._rng.randrange(1, 100)
        source = CONTROL.format(
            name=word.title(), field=f"{word}_left", call=f"take_{word}", start=start, step=step,
            define="async def" if self._tasks else "def", between="await asyncio.sleep(0)" if self._tasks else "pass",
        )  # fmt: skip
        self._ask("explore-control", source=source, call=f"take_{word}", tasks=self._tasks, bound=bound)
        for outcome in self._outcomes("an exploration"):
            if outcome == [True, True]:
                self.is_open = False
                return
        raise CheckFailed(
            "In your program's process a broken object looks correct: the checks cannot see its races.",
            "Does your code replace parts of threading, time or sys? Threads must start and stop as Python's own do.",
        )

    def _play(self, token: str) -> None:
        _, place, schedule = token.split("-", 2)
        if place == f"{self._number}{chr(ord('a') + self._explorations - 1)}":
            raise Replayed(_plain(self._ask("explore-replay", schedule=schedule)))


def _plain(value: Any) -> Any:
    """Records and tuples of the wire as dictionaries and lists; anything else as it is."""
    if isinstance(value, wire.Record):
        return {k: _plain(v) for k, v in value.__dict__.items() if not k.startswith("_")}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
