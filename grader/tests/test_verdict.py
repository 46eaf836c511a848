"""Points and verdicts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.verdict import CheckResult, Kind, Verdict, exercise_result, spread

POINTS = {"correctness": 40, "bounds": 35, "hygiene": 10, "speedup": 15}


def check(kind: Kind, verdict: Verdict) -> CheckResult:
    return CheckResult(f"test_{kind}", "a title", kind, verdict, 0.1)


def graded(**verdicts: Verdict) -> tuple[Verdict, int, int]:
    kinds = (Kind.CORRECTNESS, Kind.BOUNDS, Kind.SCHEDULES, Kind.HYGIENE, Kind.SPEEDUP)
    checks = [check(kind, verdicts.get(kind.name.lower(), Verdict.PASSED)) for kind in kinds]
    result = exercise_result("name", "track", checks, POINTS, {})
    return result.verdict, result.score, result.max_score


@given(st.integers(0, 100), st.integers(1, 30))
def test_points_are_spread_without_loss(points: int, count: int) -> None:
    parts = spread(points, count)
    assert sum(parts) == points
    assert max(parts) - min(parts) <= 1


def test_all_passed_is_everything() -> None:
    assert graded() == (Verdict.PASSED, 100, 100)


def test_inconclusive_leaves_the_total_and_still_passes() -> None:
    assert graded(speedup=Verdict.INCONCLUSIVE) == (Verdict.PASSED, 85, 85)


def test_a_race_caps_at_half() -> None:
    assert graded(schedules=Verdict.FAILED) == (Verdict.FAILED, 50, 100)


def test_a_leak_caps_at_eighty() -> None:
    assert graded(hygiene=Verdict.FAILED) == (Verdict.FAILED, 80, 100)


def test_speed_pays_only_when_the_answers_are_right() -> None:
    _, score, _ = graded(correctness=Verdict.FAILED)
    assert score == 35 + 10


def test_our_own_fault_is_never_a_zero() -> None:
    verdict, score, most = graded(correctness=Verdict.ERROR)
    assert verdict is Verdict.ERROR
    assert score == most == 60
