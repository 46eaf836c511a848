"""Who runs next: seeded random walks for finding bugs, replay, and the enumeration of all schedules up to a bound.

Choices are actor numbers (see `scheduler`). Sticky random keeps the running actor and switches with a small probability;
it beat uniform random, PCT and depth-first search on student programs. PCT is Burckhardt et al., ASPLOS 2010.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Strategy(Protocol):
    @property
    def in_turns(self) -> bool:
        """Is the default that the next actor runs, at every point? Else the same one goes on while it can."""
        ...

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        """One of `options` for decision `index`. `current` ran last; `default` is what a replay would do unasked."""
        ...


class Follow:
    """A default policy, but for the given decisions."""

    def __init__(self, deviations: Mapping[int, int], in_turns: bool = False) -> None:
        self._deviations, self.in_turns = deviations, in_turns

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        choice = self._deviations.get(index, default)
        return choice if choice in options else default


class Sticky:
    """Stay with the running actor; with probability `p`, or `at_locks` before it takes a lock, let another one run."""

    in_turns = False

    def __init__(self, seed: str, p: float, at_locks: float) -> None:
        self._random = random.Random(seed)
        self._p, self._at_locks = p, at_locks

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        if default == current and self._random.random() >= (self._at_locks if at_lock else self._p):
            return current
        others = [o for o in options if o != current]
        return others[int(self._random.random() * len(others))]


class TurnsAtLocks:
    """Whoever is about to take a lock lets the next one on: a ring of waits closes at once if there can be one."""

    in_turns = False

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        if not at_lock or default != current:
            return default
        return next((o for o in options if o > current), options[0])


class Pct:
    """The actor of highest random priority runs; at `depth` - 1 random decisions the running one falls behind all others."""

    in_turns = False

    def __init__(self, seed: str, depth: int, decisions: int) -> None:
        self._random = random.Random(seed)
        self._priorities: dict[int, float] = {}
        self._changes = {self._random.randrange(max(1, decisions)): n for n in range(depth - 1)}

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        for option in options:
            self._priorities.setdefault(option, 1 + self._random.random())
        if index in self._changes or default != current:
            # A change point; or the running one is waiting, or spins and must let the others on.
            self._priorities[current] = -index - self._changes.get(index, 0.0)
        return max(options, key=lambda option: self._priorities[option])


@dataclass(frozen=True)
class Decision:
    options: tuple[int, ...]
    current: int
    default: int
    choice: int


class Recorded:
    """Follows a prefix of deviations, and writes down every decision, for the enumeration."""

    in_turns = False

    def __init__(self, deviations: Mapping[int, int]) -> None:
        self.deviations = dict(deviations)
        self.decisions: list[Decision] = []

    def choose(self, index: int, current: int, options: Sequence[int], default: int, at_lock: bool = False) -> int:
        choice = self.deviations.get(index, default)
        if choice not in options:
            choice = default
        self.decisions.append(Decision(tuple(options), current, default, choice))
        return choice


def preempts(decision: Decision, choice: int) -> bool:
    """Would this choice take the processor from an actor that could go on?"""
    return choice != decision.current and decision.default == decision.current


class Enumeration:
    """All schedules with at most `bound` preemptions, depth first. Iterating gives strategies; run each before the next."""

    def __init__(self, bound: int) -> None:
        self._bound = bound

    def __iter__(self) -> Iterator[Recorded]:
        waiting: list[tuple[dict[int, int], int, int]] = [({}, 0, 0)]  # deviations, first open decision, preemptions
        while waiting:
            deviations, first, used = waiting.pop()
            recorded = Recorded(deviations)
            yield recorded
            for index in range(len(recorded.decisions) - 1, first - 1, -1):
                decision = recorded.decisions[index]
                for option in reversed(decision.options):
                    cost = used + preempts(decision, option)
                    if option != decision.choice and cost <= self._bound:
                        waiting.append(({**deviations, index: option}, index + 1, cost))


class Portfolio:
    """A seeded mixture, led by sticky random, after three fixed schedules: no switch that is not forced; all actors in
    step, which shows those that give way to each other for ever; and turns at locks.
    """

    FIXED = 3  # schedules before the first one that depends on the seed
    # The probability of a switch, and the one before a lock is taken; None: PCT.
    MIX = ((0.4, 0.4), (0.15, 0.15), (0.4, 0.4), (0.15, 0.5), (0.05, 0.05), None)

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.decisions = 100  # of the last schedule, for PCT's change points

    def __iter__(self) -> Iterator[Strategy]:
        yield Follow({})
        yield Follow({}, in_turns=True)
        yield TurnsAtLocks()
        number = 0
        while True:
            mix, seed = self.MIX[number % len(self.MIX)], f"{self._seed}/{number}"
            yield Sticky(seed, *mix) if mix else Pct(seed, 3 + number // len(self.MIX) % 3, self.decisions)
            number += 1
