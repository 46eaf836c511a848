"""Which schedules of tasks to play, in which order, and how a failing one is made simple. Deterministic by the seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from grader.explore.results import Kind
from grader.explore.tasks_data import Plan
from grader.explore.tasks_run import Ended
from grader.explore.tasks_strategies import Chooser, Enumeration, Follow, walk

SHARE = 0.6  # of the seconds, for cancelling everywhere; the rest is for other orders
MOST_CANCELS = 2_000  # schedules with a planned cancellation
MOST_WAITING = 20_000  # schedules that an enumeration keeps in mind
MOST_MINIMISING = 150  # schedules, within a second
RATES = (0.02, 0.1, 0.3)  # of random cancellations, per step of the loop
Plans: TypeAlias = Generator[Plan, Ended, None]
Cancel = tuple[int, int]  # number of the task, step of the loop


@dataclass(frozen=True)
class TaskOptions:
    """See `grader.explore.tasks.explore_tasks`."""

    schedules: int = 100
    seconds: float = 5.0
    seed: int = 0
    reorder: bool = False
    cancel: str | None = None
    cancel_times: int = 1
    timer_jitter: bool = False
    check_leaks: bool = True
    steps: int = 5_000


class Search:
    """`exhausted` is set when every schedule within the options was played; then `bound` is the most deviations of one."""

    def __init__(self, options: TaskOptions) -> None:
        self.options = options
        self.exhausted = False
        self.bound = 0
        self._end = time.monotonic() + options.seconds
        self._open = False  # something was left out

    def plans(self) -> Plans:
        """asyncio's own order; the same with cancellations; then what is left open; then, if asked for, other orders."""
        options = self.options
        first = yield self._plan(Follow({}))
        if options.cancel is not None:
            yield from self._cancelling(first)
        left = options.schedules - 1
        if first.decisions:
            used = yield from self._orders(False, left // 2 if options.reorder else left)
            left -= used
        if options.reorder:
            yield from self._orders(True, left)
        self.exhausted = not self._open

    def _plan(self, chooser: Chooser) -> Plan:
        return Plan(chooser, jitter=self.options.timer_jitter)

    def _late(self, seconds_left: float = 0.0) -> bool:
        return time.monotonic() + seconds_left > self._end

    def _cancelling(self, first: Ended) -> Plans:
        """A cancellation at each point, first at its two ends; then a second one at each point that follows."""
        seed, reserve = f"{self.options.seed}", self.options.seconds * (1 - SHARE)
        waiting: list[list[tuple[Cancel, ...]]] = [[], []]  # by rank
        for rank, cancel in moments(first.log.moments, seed):
            waiting[rank].append((cancel,))
        seen: set[tuple[Cancel, ...]] = set()
        while waiting[0] or waiting[1]:
            if len(seen) >= MOST_CANCELS or (seen and self._late(reserve)):
                self._open = True
                return
            rank = 0 if waiting[0] else 1
            cancels = waiting[rank].pop(0)
            seen.add(cancels)
            ended = yield replace(self._plan(Follow({})), cancels=cancels)
            if len(cancels) < self.options.cancel_times and len(ended.log.cancels) == len(cancels):
                for later, cancel in moments(ended.log.moments, seed):
                    again = (*cancels, cancel)
                    if cancel[0] == cancels[-1][0] and cancel[1] > cancels[-1][1] and again not in seen:
                        waiting[max(rank, later)].append(again)

    def _orders(self, reorder: bool, most: int) -> Generator[Plan, Ended, int]:
        """Half of the schedules have few deviations, one after the other; half are random. How many were played."""
        options, used = self.options, 0
        seed = f"{options.seed}/{reorder}"
        enumeration, chance = Enumeration(MOST_WAITING, seed), random.Random(seed)
        decisions = 0
        while used < most and not self._late():
            deviations = enumeration.next()
            if deviations is None and enumeration.complete:
                self.bound = max(self.bound, enumeration.bound)
                return used
            if deviations is not None:
                follow = Follow(deviations)
                ended = yield replace(self._plan(follow), reorder=reorder)
                used += 1
                enumeration.deeper(follow)
                decisions = max(decisions, ended.decisions)
            if decisions and used < most:
                rate = chance.choice(RATES) if options.cancel is not None and chance.random() < 0.5 else 0.0
                yield replace(
                    self._plan(walk(seed, used, decisions)), reorder=reorder, chance=rate,
                    times=options.cancel_times, seed=f"{seed}/{used}",
                )  # fmt: skip
                used += 1
        self._open = True
        return used


def moments(log: Mapping[int, Sequence[Cancel]], seed: str) -> list[tuple[int, Cancel]]:
    """Rank and cancellation for every moment of a schedule's log, in a shuffled order.

    A task that is suspended stays so for some steps of the loop. Rank 0: the first of them, when the wait has just
    begun, and the last, when what it waits for has come already; rank 1: those between.
    """
    spans: dict[tuple[int, int], list[int]] = {}
    for step, suspended in log.items():
        for task, suspension in suspended:
            spans.setdefault((task, suspension), []).append(step)
    found = [
        (int(0 < n < len(steps) - 1), (task, step))
        for (task, _), steps in spans.items()
        for n, step in enumerate(steps)
    ]
    random.Random(seed).shuffle(found)
    return found


def follows(plan: Plan, ended: Ended) -> Plan:
    """The plan that does exactly what happened."""
    return Plan(Follow(dict(ended.deviations)), plan.reorder, plan.jitter, tuple(ended.log.cancels))


def minimised(
    plan: Plan, ended: Ended, play: Callable[[Plan], Ended], same: Callable[[Ended], bool], keep_cancels: bool = False
) -> Plan:
    """Drops what is not needed: other orders, all decisions, cancellations, some decisions; or does with a single one."""
    most = 10 if ended.kind is Kind.LIVELOCK else MOST_MINIMISING
    end = time.monotonic() + 1.0
    tried = 0

    def improved(best: Plan) -> Plan | None:
        nonlocal tried
        for candidate in _simpler(best, keep_cancels):
            if tried >= most or time.monotonic() > end:
                return None
            tried += 1
            again = play(candidate)
            if same(again):
                return follows(candidate, again)
        return None

    best = follows(plan, ended)
    while better := improved(best):
        best = better
    return best


def _simpler(plan: Plan, keep_cancels: bool) -> Generator[Plan, None, None]:
    """Play each one before asking for the next."""
    assert isinstance(plan.chooser, Follow)
    picks = plan.chooser.deviations
    if plan.reorder:
        yield _with(replace(plan, reorder=False), Follow({}))
    plain = Follow({})
    if picks:
        yield _with(plan, plain)
    if not keep_cancels:
        for n in range(len(plan.cancels)):
            yield replace(plan, cancels=plan.cancels[:n] + plan.cancels[n + 1 :])
    indexes = sorted(picks)
    size = len(indexes) // 2
    while size >= 1:
        for start in range(0, len(indexes), size):
            dropped = indexes[start : start + size]
            yield _with(plan, Follow({i: c for i, c in picks.items() if i not in dropped}))
        size //= 2
    if len(picks) > 1:
        for index, choices in plain.alternatives.items():
            for choice in choices:
                yield _with(plan, Follow({index: choice}))


def _with(plan: Plan, chooser: Follow) -> Plan:
    return replace(plan, chooser=chooser)
