"""The fixture `speedup`: the whole rule of paired trials, and its verdict in words."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from grader.judge.expectations import CheckFailed, Inconclusive, expect
from grader.judge.submission import Submission
from grader.measure.cores import Spinners, usable_cores
from grader.measure.rule import Judgement, Outcome, Trial, cpu_bound, latency_bound
from grader.sandbox.outcomes import SubmissionHung

D = TypeVar("D")
ENOUGH = 20  # times the sequential baseline: who takes longer than that hangs, or might as well


class Speedup:
    """Each trial: fresh data, baseline in the judge, the submission, baseline again. Results must agree."""

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self.judgement: Judgement | None = None

    def cpu(
        self,
        *,
        fresh: Callable[[], D],
        baseline: Callable[[D], Any],
        attempt: Callable[[D], Any],
        same: Callable[[Any, Any], bool] = operator.eq,
        alpha: float,
        busy: str = "",
    ) -> None:
        """Need: ratio >= 1 + alpha * (min(E, W) - 1). Fails, passes, or raises Inconclusive.

        `busy`: what to think about when cores were at work and too little came of it, if the usual words about threads
        and processes do not fit.
        """
        __tracebackhide__ = True
        if usable_cores() < 2:
            raise Inconclusive("A speed-up needs two cores, and only one is available here.")
        with Spinners() as spinners:
            trial = self._trial(spinners, fresh, baseline, attempt, same)
            self._conclude(cpu_bound(trial, alpha, spinners.workers, self._submission.remaining), busy=busy)

    def latency(
        self,
        *,
        fresh: Callable[[], D],
        baseline: Callable[[D], Any],
        attempt: Callable[[D], Any],
        same: Callable[[Any, Any], bool] = operator.eq,
        at_least: float,
    ) -> None:
        """Need: ratio >= at_least, on any machine that is not too busy to tell."""
        __tracebackhide__ = True
        with Spinners(min(2, usable_cores())) as spinners:
            trial = self._trial(spinners, fresh, baseline, attempt, same)
            self._conclude(latency_bound(trial, at_least, self._submission.remaining), latency=True)

    def _trial(
        self,
        spinners: Spinners,
        fresh: Callable[[], D],
        baseline: Callable[[D], Any],
        attempt: Callable[[D], Any],
        same: Callable[[Any, Any], bool],
    ) -> Callable[[], Trial]:
        def one() -> Trial:
            data = fresh()
            cores_before = spinners.effective_cores()
            before, expected = _clocked(baseline, data)
            left = self._submission.remaining()
            try:
                got = attempt(data)
            except SubmissionHung:
                if left < ENOUGH * before:
                    raise Inconclusive(
                        f"Not measurable here: one after the other took {before:.1f} s on this machine now, and {left:.0f} s were left."
                    ) from None
                raise
            seconds, cpu = self._submission.elapsed, self._submission.cpu
            after, _ = _clocked(baseline, data)
            cores_after = spinners.effective_cores()
            expect(
                same(expected, got),
                "Fast or not: the result of the measured call is wrong.",
                idea="Speed counts only when the answer is right; the data is new in each trial.",
            )
            return Trial(before, max(seconds, 1e-6), after, cores_before, cores_after, cpu, spinners.workers)

        return one

    def _conclude(self, judgement: Judgement, latency: bool = False, busy: str = "") -> None:
        __tracebackhide__ = True
        self.judgement = judgement
        if judgement.outcome is Outcome.UNMEASURABLE:
            raise Inconclusive(f"Not measurable here: {judgement.reason}.")
        if judgement.outcome is Outcome.TOO_LITTLE:
            raise CheckFailed(
                f"{judgement.ratio:.2f} times as fast as one after the other; {judgement.need:.2f} was needed "
                f"(this machine gave {judgement.cores:.1f} cores; {judgement.cpu_per_wall:.1f} cores were at work).",
                _what_waits(judgement) if latency else _where_it_went(judgement, busy),
                evidence_of(judgement),
            )


def evidence_of(judgement: Judgement) -> dict[str, Any]:
    trials = [{key: round(value, 4) for key, value in asdict(trial).items()} for trial in judgement.trials]
    return {
        "type": "timing",
        "ratio": round(judgement.ratio, 2),
        "need": round(judgement.need, 2),
        "effective_cores": round(judgement.cores, 2),
        "cpu": round(judgement.cpu_per_wall, 2),
        "trials": trials,
    }


def _what_waits(judgement: Judgement) -> str:
    if judgement.cpu_per_wall > 0.6:
        return "Most of the time one core was busy computing, and nobody had to wait. What is computed, how often, and must it be?"
    return "Waiting costs no core, so many can wait at once. What waits that could already have been started?"


def _where_it_went(judgement: Judgement, busy: str) -> str:
    if judgement.cpu_per_wall < 0.7:
        return "The cores were idle most of the time: who waits for whom, and for what?"
    if busy:
        return busy
    if judgement.cpu_per_wall < 1.2:
        return (
            "Only one core worked at a time. Threads share one interpreter lock; Python code runs on several cores "
            "only in several processes."
        )
    return "Several cores worked, but on overhead: how many messages and bytes travel between the processes?"


def _clocked(function: Callable[[D], Any], data: D) -> tuple[float, Any]:
    began = time.perf_counter()
    value = function(data)
    return time.perf_counter() - began, value
