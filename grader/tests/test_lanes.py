"""What is drawn where: the layout of schedules, deadlocks, runs and trials."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.render import charts, lanes, runs
from grader.render.lanes import FOR_EVER, Span
from grader.tests import reports


def without(evidence: dict[str, Any], *names: str) -> dict[str, Any]:
    steps = [{k: v for k, v in step.items() if k not in names} for step in evidence["steps"]]
    return {**evidence, "steps": steps}


def test_each_thread_has_a_lane_and_the_preparation_is_no_part_of_it() -> None:
    picture = lanes.lanes(reports.RACE)
    assert picture.threads == ("main", "thread 1", "thread 2")
    assert [m.line for m in picture.before] == [8, 10]
    assert len(picture.moments) == 7


def test_a_main_thread_that_only_prepares_has_no_lane() -> None:
    evidence = {**reports.RACE, "steps": reports.RACE["steps"][:-1]}
    assert lanes.lanes(evidence).threads == ("thread 1", "thread 2")


def test_what_the_scenario_of_tasks_prepares_is_no_part_of_it_either() -> None:
    steps = [reports.step("scenario", 8), reports.step("client 1", 13), reports.step("scenario", 10)]
    picture = lanes.lanes({"type": "schedule", "steps": steps})
    assert (picture.main, len(picture.before), picture.threads) == ("scenario", 1, ("scenario", "client 1"))


def test_a_schedule_of_one_thread_is_drawn_whole() -> None:
    picture = lanes.lanes({"type": "schedule", "steps": [reports.step("main", 8), reports.step("main", 10)]})
    assert picture.threads == ("main",)
    assert picture.stretches == (Span(0, 0, 1),)


def test_a_stretch_ends_where_another_thread_runs() -> None:
    picture = lanes.lanes(reports.RACE)
    assert [(picture.threads[s.lane], s.first, s.last) for s in picture.stretches] == [
        ("thread 1", 0, 1), ("thread 2", 2, 4), ("thread 1", 5, 5), ("main", 6, 6),
    ]  # fmt: skip


def test_a_lock_is_held_from_the_first_step_that_says_so_to_the_last() -> None:
    picture = lanes.lanes(reports.RACE)
    assert [(s.label, picture.threads[s.lane], s.first, s.last) for s in picture.holds] == [
        ("self._lock", "thread 1", 5, 5), ("self._lock", "thread 2", 4, 4),
    ]  # fmt: skip


def test_in_a_deadlock_locks_are_held_and_waited_for_to_the_end_of_the_picture() -> None:
    picture = lanes.lanes(reports.DEADLOCK)
    end = len(picture.moments) + FOR_EVER - 1
    assert picture.length == end + 1
    assert {(s.label, s.last) for s in picture.holds} == {("self._lock", end), ("self._other", end)}
    assert {(s.label, s.first, s.last) for s in picture.waits} == {("self._lock", 4, end), ("self._other", 5, end)}


def test_the_cycle_tells_who_waits_where_steps_do_not() -> None:
    told, untold = lanes.lanes(reports.DEADLOCK), lanes.lanes(without(reports.DEADLOCK, "waits", "holds"))
    assert untold.waits == told.waits
    assert untold.holds == ()


def test_a_wait_in_the_middle_ends_when_the_thread_runs_again() -> None:
    steps = [
        reports.step("a", 14, waits="self._lock"),
        reports.step("b", 14),
        reports.step("b", 15),
        reports.step("a", 15),
    ]
    picture = lanes.lanes({"type": "schedule", "steps": steps})
    assert picture.waits == (Span(0, 1, 2, "self._lock"),)
    assert picture.length == 4


def test_the_step_that_fails_is_the_last_one_at_the_place_of_the_check_or_the_last_of_all() -> None:
    assert lanes.lanes(reports.RACE, "counter.py", 15).failing == 5
    assert lanes.lanes(reports.RACE).failing == 6


def test_variables_are_told_when_they_are_new_or_changed() -> None:
    changes = [m.changes for m in lanes.lanes(reports.RACE).moments]
    assert changes[0] == (("self.value", "0"),)
    assert changes[1] == (("value", "0"),)
    assert changes[5] == (("self.value", "1"),)


@pytest.mark.parametrize("steps", [None, [], [{}], [{"thread": "a", "state": None, "holds": None}]])
def test_steps_that_say_little_are_drawn_all_the_same(steps: Any) -> None:
    lanes.lanes({"type": "schedule", "steps": steps})


def test_the_words_tell_who_runs_what_and_where_it_goes_wrong() -> None:
    said = lanes.in_words(lanes.lanes(reports.DEADLOCK))
    assert "thread 2 runs lines 23, 24 and holds self._other, then waits for self._lock." in said
    assert said.endswith("It goes wrong at step 5: thread 1, line 19.")


def test_the_graph_of_a_deadlock_has_an_arrow_for_each_wait() -> None:
    graph = lanes.graph(reports.DEADLOCK["cycle"])
    assert [(e.waiter, e.holder, e.wants) for e in graph.edges] == [
        ("thread 1", "thread 2", "self._other"), ("thread 2", "thread 1", "self._lock"),
    ]  # fmt: skip
    assert lanes.sentence(graph.edges[0]) == "thread 1 waits for self._other at line 19; thread 2 has it since line 23."


@pytest.mark.parametrize(
    ("holder", "node", "note"),
    [
        ("thread 1 (which has ended)", "thread 1", "which has ended"),
        ("thread 9 (itself)", "thread 9", "itself"),
        ("2 of 3 have come so far", "", "2 of 3 have come so far"),
        ("", "", ""),
    ],
)
def test_what_else_is_known_of_a_holder_is_a_note(holder: str, node: str, note: str) -> None:
    (edge,) = lanes.graph([{"thread": "thread 9", "waits": "for a lock", "holder": holder}]).edges
    assert (edge.holder, edge.note) == (node, note)


def test_requests_that_overlap_lie_in_different_rows() -> None:
    picture = runs.timeline(reports.TIMELINE)
    requests = picture.groups[0]
    assert requests.title == "Requests"
    assert requests.rows == 8
    assert [group.title for group in picture.groups[1:]] == ["Thread-0 calls", "Thread-1 calls"]


def test_a_request_that_took_no_time_was_there_all_the_same() -> None:
    entries = [{"name": "a", "from": 0.1, "to": 2.0}, {"name": "b", "from": 0.2, "to": 0.2}]
    assert runs.group("Requests", entries).rows == 2


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5))))
def test_no_two_bars_of_a_row_overlap(times: list[tuple[float, float]]) -> None:
    bars = runs.group("x", [{"name": "x", "from": begin, "to": begin + more} for begin, more in times]).bars
    for number, bar in enumerate(bars):
        assert all(other.end <= bar.begin for other in bars[:number] if other.row == bar.row)


def test_a_timeline_is_as_long_as_what_happened_in_it() -> None:
    assert runs.timeline({"processes": [{"name": "p", "from": 0, "to": 3.5}]}).seconds == 3.5
    assert runs.timeline({}).seconds > 0


def test_trials_that_did_not_count_are_known_by_the_machines_cores() -> None:
    picture = runs.dots(reports.TRIALS)
    assert [dot.counted for dot in picture.dots] == [True, True, True, False]
    assert "0.98; 1.54 was needed" in charts.trials_in_words(picture)


def test_trials_that_only_wait_count_on_a_slower_machine() -> None:
    trials = [
        {
            "before": 0.8,
            "attempt": 0.1,
            "after": 0.8,
            "cores_before": 1.0,
            "cores_after": 1.0,
            "cpu": 0.01,
            "workers": 2,
        }
    ] * 2
    picture = runs.dots({"type": "timing", "ratio": 8.0, "need": 3.0, "trials": trials})
    assert [dot.counted for dot in picture.dots] == [True, True]


@given(st.floats(1e-3, 1e4))
def test_an_axis_has_a_few_round_numbers(most: float) -> None:
    found = charts.ticks(most)
    assert found[0] == 0
    assert found[-1] <= most * 1.000001
    assert 3 <= len(found) <= 9
