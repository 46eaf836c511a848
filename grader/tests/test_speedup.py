"""What a speed-up check makes of a call that does not end."""

from __future__ import annotations

from typing import Any, cast

import pytest

from grader.judge.expectations import Inconclusive
from grader.judge.speedup import Speedup
from grader.judge.submission import Submission
from grader.sandbox.outcomes import SubmissionHung


class Cut:
    """A submission with so many seconds left, whose measured call never ends."""

    elapsed = cpu = 0.0

    def __init__(self, left: float) -> None:
        self._left = left

    def remaining(self) -> float:
        return self._left

    def attempt(self, data: object) -> Any:
        raise SubmissionHung("attempt", 90.0)


def measure(left: float) -> None:
    submission = Cut(left)
    speedup = Speedup(cast(Submission, submission))
    speedup.latency(fresh=lambda: 1, baseline=lambda data: sum(range(1000)), attempt=submission.attempt, at_least=2.0)


def test_a_call_that_takes_many_times_the_baseline_hangs() -> None:
    with pytest.raises(SubmissionHung):
        measure(1e6)


def test_a_call_that_had_no_time_left_is_not_judged() -> None:
    with pytest.raises(Inconclusive, match="were left"):
        measure(0.0)
