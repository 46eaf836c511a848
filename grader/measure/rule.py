"""The speed-up rule: paired trials, the machine measured beside them, "cannot be measured here" as a legal outcome."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

MOST_TRIALS = 9
BASELINE_SPREAD = 0.20  # two baselines of one trial may differ by this share
MIN_SHARE = 0.8  # of W that the machine must give; 1.6 of two cores
MOST_SHARE = 1.25  # more than W cores cannot be: the spin alone was disturbed, so the reading says nothing
CLOSE = 0.05  # a median this close to the need is not clear
ROOM = 1.5  # times the longest trial so far, to begin another one
FAR = 0.5  # all trials at most at this share of the need: even few of them are clear
MOST_NEEDED = 1.6  # with more cores, this is enough to tell parallel from sequential


TimeLeft = Callable[[], float]


class Outcome(StrEnum):
    ENOUGH = "enough"
    TOO_LITTLE = "too_little"
    UNMEASURABLE = "unmeasurable"


@dataclass(frozen=True)
class Trial:
    """Seconds of baseline, attempt, baseline; E before and after; CPU seconds of the attempt's process tree."""

    before: float
    attempt: float
    after: float
    cores_before: float
    cores_after: float
    cpu: float
    workers: int

    @property
    def ratio(self) -> float:
        return (self.before + self.after) / 2 / self.attempt

    @property
    def cores(self) -> float:
        return min(self.cores_before, self.cores_after)

    @property
    def steady(self) -> bool:
        return abs(self.before - self.after) <= BASELINE_SPREAD * max(self.before, self.after)

    @property
    def valid(self) -> bool:
        sound = max(self.cores_before, self.cores_after) <= MOST_SHARE * self.workers
        free = self.cores >= min(MOST_NEEDED, MIN_SHARE * self.workers)
        return self.workers >= 2 and self.steady and sound and free


@dataclass(frozen=True)
class Judgement:
    outcome: Outcome
    ratio: float
    need: float
    cores: float
    cpu_per_wall: float
    reason: str
    trials: tuple[Trial, ...] = field(default=())


def cpu_bound(
    trial: Callable[[], Trial], alpha: float, workers: int, time_left: TimeLeft = lambda: math.inf
) -> Judgement:
    """Need: ratio >= 1 + alpha * (min(E, W) - 1), by the median of the valid trials. `time_left`: seconds for more trials."""
    if workers < 2:
        return _unmeasurable((), f"a speed-up needs two cores, and this process may use {workers}")

    def need(trials: list[Trial]) -> float:
        return 1 + alpha * (min(statistics.median(t.cores for t in trials), workers) - 1)

    return _decide(trial, need, lambda t: t.valid, "no two cores were free at once", time_left)


def latency_bound(trial: Callable[[], Trial], at_least: float, time_left: TimeLeft = lambda: math.inf) -> Judgement:
    """Need: ratio >= at_least on any machine; on a machine that is short of its cores a miss is not counted."""

    def fair(t: Trial) -> bool:
        return t.ratio >= at_least or (t.steady and t.cores >= MIN_SHARE * min(t.workers, 2))

    return _decide(trial, lambda trials: at_least, fair, "the machine was busy with something else", time_left)


def _decide(
    trial: Callable[[], Trial],
    need: Callable[[list[Trial]], float],
    counts: Callable[[Trial], bool],
    why_not: str,
    time_left: TimeLeft,
) -> Judgement:
    """Trials until the outcome is clear (see _clear), until they are used up, or until another one may not end in time."""
    trials: list[Trial] = []
    valid: list[Trial] = []
    longest = 0.0
    for _ in range(MOST_TRIALS):
        if trials and time_left() < ROOM * longest:
            if not valid or max(t.ratio / need([t]) for t in valid) > FAR:
                return _unmeasurable(
                    tuple(trials), f"this machine is too slow now: {len(trials)} trials took all the time there is"
                )
            break
        left = time_left()
        trials.append(trial())
        longest = max(longest, left - time_left()) if left < math.inf else 0.0
        valid = [t for t in trials if counts(t)]
        if valid and _clear([t.ratio / need([t]) for t in valid]):
            break
    if not valid:
        best = max(t.cores for t in trials)
        return _unmeasurable(tuple(trials), f"{why_not}: of {len(trials)} trials the best had {best:.1f} cores")
    ratio, needed = statistics.median(t.ratio for t in valid), need(valid)
    cpu = statistics.median(t.cpu / t.attempt for t in valid)
    cores = statistics.median(t.cores for t in valid)
    if needed * (1 - CLOSE) <= ratio < needed:
        # The outcome did not become clear in the most trials there are: noise must not fail a correct submission.
        return _unmeasurable(
            tuple(trials), f"too close to tell, {ratio:.2f} times as fast where {needed:.2f} is needed"
        )
    outcome = Outcome.ENOUGH if ratio >= needed else Outcome.TOO_LITTLE
    return Judgement(outcome, ratio, needed, cores, cpu, "", tuple(trials))


def _clear(shares: list[float]) -> bool:
    """Two trials well above the need, or three of which the median is not close to it."""
    if len(shares) == 2 and min(shares) >= 1.15:
        return True
    return len(shares) >= 3 and abs(statistics.median(shares) - 1) > CLOSE


def _unmeasurable(trials: tuple[Trial, ...], reason: str) -> Judgement:
    cores = max((t.cores for t in trials), default=0.0)
    return Judgement(Outcome.UNMEASURABLE, 0.0, 0.0, cores, 0.0, reason, trials)
