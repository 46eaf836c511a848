"""The speed-up rule, on trials that are made up."""

from __future__ import annotations

from grader.measure.rule import MOST_TRIALS, Outcome, Trial, cpu_bound, latency_bound


def trial(ratio: float, cores: float = 1.9, second_baseline: float = 1.0, workers: int = 2) -> Trial:
    attempt = (1.0 + second_baseline) / 2 / ratio
    return Trial(1.0, attempt, second_baseline, cores, cores, attempt, workers)


def run(trials: list[Trial], alpha: float = 0.35) -> Outcome:
    left = iter(trials)
    return cpu_bound(lambda: next(left), alpha, 2).outcome


def test_a_parallel_submission_is_enough_after_two_trials() -> None:
    assert run([trial(1.8), trial(1.7)]) is Outcome.ENOUGH


def test_a_sequential_submission_is_too_little() -> None:
    assert run([trial(1.0)] * 3) is Outcome.TOO_LITTLE


def test_one_lucky_trial_passes_nobody() -> None:
    assert run([trial(2.2), *[trial(1.0)] * 8]) is Outcome.TOO_LITTLE


def test_trials_on_a_busy_machine_do_not_count() -> None:
    assert run([trial(0.5, cores=1.0)] * MOST_TRIALS) is Outcome.UNMEASURABLE


def test_trials_between_unequal_baselines_do_not_count() -> None:
    assert run([trial(1.0, second_baseline=2.0)] * MOST_TRIALS) is Outcome.UNMEASURABLE


def test_a_reading_of_more_cores_than_there_are_does_not_count() -> None:
    assert run([trial(1.0, cores=2.8)] * MOST_TRIALS) is Outcome.UNMEASURABLE


def test_one_core_can_not_measure_a_speed_up() -> None:
    assert cpu_bound(lambda: trial(1.0), 0.35, 1).outcome is Outcome.UNMEASURABLE


def test_waiting_needs_no_second_core() -> None:
    assert latency_bound(lambda: trial(6.0, cores=0.9, workers=1), 4.0).outcome is Outcome.ENOUGH
    assert latency_bound(lambda: trial(1.0, cores=0.9, workers=1), 4.0).outcome is Outcome.TOO_LITTLE


def test_a_miss_on_a_machine_without_a_free_core_is_not_counted() -> None:
    assert latency_bound(lambda: trial(2.0, cores=0.5), 4.0).outcome is Outcome.UNMEASURABLE


class Clock:
    """Seconds left; each trial takes its own."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def trial(self, made: Trial, seconds: float) -> Trial:
        self.left -= seconds
        return made


def test_no_trial_is_begun_that_may_not_end_in_time() -> None:
    clock = Clock(90.0)
    judgement = cpu_bound(lambda: clock.trial(trial(1.5, cores=1.0), 40.0), 0.35, 2, lambda: clock.left)
    assert judgement.outcome is Outcome.UNMEASURABLE
    assert "too slow" in judgement.reason
    assert len(judgement.trials) == 1
    assert clock.left == 50.0


def test_a_submission_that_is_far_too_slow_does_not_get_away_with_taking_all_the_time() -> None:
    clock = Clock(90.0)
    judgement = cpu_bound(lambda: clock.trial(trial(0.04), 40.0), 0.35, 2, lambda: clock.left)
    assert judgement.outcome is Outcome.TOO_LITTLE


def test_a_clear_outcome_needs_no_more_time() -> None:
    clock = Clock(90.0)
    judgement = cpu_bound(lambda: clock.trial(trial(1.8), 30.0), 0.35, 2, lambda: clock.left)
    assert judgement.outcome is Outcome.ENOUGH
