"""Who decides in a schedule of tasks: replay, random walks, and PCT; and all schedules with few deviations in turn.

A decision is an index into its options. 0 is what asyncio itself would do, so the fewest non-zero decisions are the
simplest schedule.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from grader.explore import strategies

FAIR = 30  # decisions in a row for one lane while others could run; PCT would starve the others for ever


class Chooser(strategies.Strategy, Protocol):
    """`choose` is for threads, as in `strategies`; `pick` for everything that the event loop leaves open."""

    def pick(self, index: int, options: Sequence[int], what: str) -> int:
        """An index into `options`; `what` is "order" (of lanes), "time" (lateness of timers) or "choice"."""
        ...


class Follow:
    """asyncio's own order and no switch of threads that is not forced, but for the given decisions.

    `alternatives` holds what else could have been decided, for the enumeration.
    """

    in_turns = False

    def __init__(self, deviations: Mapping[int, int]) -> None:
        self.deviations = deviations
        self.alternatives: dict[int, list[int]] = {}

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        choice = self.deviations.get(index, default)
        choice = choice if choice in options else default
        self.alternatives[index] = [option for option in options if option != choice]
        return choice

    def pick(self, index: int, options: Sequence[int], what: str) -> int:
        choice = min(self.deviations.get(index, 0), len(options) - 1)
        self.alternatives[index] = [number for number in range(len(options)) if number != choice]
        return choice


class Walk:
    """Tasks at random: with probability `p` not in asyncio's own order. `threads` decides for threads."""

    in_turns = False

    def __init__(self, seed: str, p: float, threads: strategies.Strategy) -> None:
        self._random = random.Random(seed)
        self._p = p
        self.choose = threads.choose

    def pick(self, index: int, options: Sequence[int], what: str) -> int:
        if what == "order" and self._random.random() >= self._p:
            return 0
        return self._random.randrange(len(options))


class Pct:
    """The lane of highest random priority runs; at `depth` - 1 random decisions it falls behind all others."""

    in_turns = False

    def __init__(self, seed: str, depth: int, decisions: int, threads: strategies.Strategy) -> None:
        self._random = random.Random(seed)
        self._priorities: dict[int, float] = {}
        self._changes = {self._random.randrange(max(1, decisions)) for _ in range(depth - 1)}
        self._last, self._streak = -1, 0
        self.choose = threads.choose

    def pick(self, index: int, options: Sequence[int], what: str) -> int:
        if what != "order":
            return self._random.randrange(len(options))
        for lane in options:
            self._priorities.setdefault(lane, self._random.random())
        best = max(options, key=lambda lane: self._priorities[lane])
        self._streak = self._streak + 1 if best == self._last else 0
        self._last = best
        if index in self._changes or self._streak >= FAIR:
            self._priorities[best] = -1.0 - index
            self._streak = 0
        return options.index(best)


def walk(seed: str, number: int, decisions: int) -> Chooser:
    """The random schedule of this number: a mixture of walks and PCT. `decisions`: about how many a schedule has."""
    name = f"{seed}/{number}"
    threads: strategies.Strategy = strategies.Pct(name, 2 + number % 3, decisions)
    if number % 4 == 3:
        p = 0.05 if number % 8 == 3 else 0.2
        threads = strategies.Sticky(name, p, p)
    if number % 2:
        return Pct(name, 2 + number // 2 % 3, decisions, threads)
    return Walk(name, 1.0 if number % 4 else 0.2, threads)


class Enumeration:
    """All schedules by their number of deviations: first those with none, then with one, and so on; each level shuffled."""

    def __init__(self, most: int, seed: str) -> None:
        self._most, self._random = most, random.Random(seed)
        self._level: list[dict[int, int]] = [{}]
        self._next_level: list[dict[int, int]] = []
        self.bound = 0
        self.complete = True

    def next(self) -> dict[int, int] | None:
        """The deviations of the next schedule. None at the end of the space."""
        if not self._level and self._next_level:
            self._level, self._next_level = self._next_level, []
            self._random.shuffle(self._level)
            self.bound += 1
        return self._level.pop() if self._level else None

    def deeper(self, played: Follow) -> None:
        """Tell of the decisions that a schedule had, before the next one is asked for."""
        last = max(played.deviations, default=-1)
        for index, choices in played.alternatives.items():
            for choice in choices if index > last else ():
                if len(self._next_level) >= self._most:
                    self.complete = False
                    return
                self._next_level.append({**played.deviations, index: choice})
