"""The trace has the form of the trace event format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grader.render.perfetto import trace
from grader.tests import reports

NEEDS = {
    "X": {"ts", "dur"},
    "i": {"ts", "s"},
    "s": {"ts", "id"},
    "f": {"ts", "id", "bp"},
    "C": {"ts", "args"},
    "M": {"args"},
}


def events(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(trace(reports.CASES[name]))["traceEvents"]
    return found


def tracks(name: str) -> list[str]:
    return [e["args"]["name"] for e in events(name) if e["name"] == "thread_name"]


@pytest.mark.parametrize("name", reports.CASES)
def test_every_event_has_what_its_phase_needs(name: str) -> None:
    for event in events(name):
        assert event.keys() >= {"ph", "name", "pid", "tid"} | NEEDS[event["ph"]]
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 0) >= 0


@pytest.mark.parametrize("name", reports.CASES)
def test_slices_of_a_track_lie_beside_or_inside_each_other(name: str) -> None:
    open_until: dict[tuple[int, int], list[float]] = {}
    slices = [e for e in events(name) if e["ph"] == "X"]
    for event in sorted(slices, key=lambda e: (e["ts"], -e["dur"])):
        ends = open_until.setdefault((event["pid"], event["tid"]), [])
        while ends and ends[-1] <= event["ts"] + 1e-3:
            ends.pop()
        assert not ends or event["ts"] + event["dur"] <= ends[-1] + 1e-3
        ends.append(event["ts"] + event["dur"])


@pytest.mark.parametrize("name", reports.CASES)
def test_every_track_has_a_name(name: str) -> None:
    found = events(name)
    named = {(e["pid"], e["tid"]) for e in found if e["name"] == "thread_name"}
    assert {(e["pid"], e["tid"]) for e in found if e["ph"] in "Xi"} <= named
    assert {e["pid"] for e in found} == {e["pid"] for e in found if e["name"] == "process_name"}


def test_each_thread_is_a_track_and_its_locks_are_another() -> None:
    assert tracks("race") == ["main", "thread 1", "thread 1 holds", "thread 2", "thread 2 holds"]


def test_each_request_lane_and_process_is_a_track() -> None:
    names = tracks("timeline")
    assert names[:2] == ["your program", "worker"]
    assert names.count("Requests") == 8
    assert {"Thread-0 calls", "Thread-1 calls"} < set(names)


def test_the_failure_is_an_instant_that_says_what_happened() -> None:
    (instant,) = [e for e in events("deadlock") if e["ph"] == "i"]
    assert instant["name"] == "hung: An update was lost."
    assert instant["args"]["thread 1"].startswith("thread 1 waits for self._other at line 19")


def test_switches_are_arrows_from_one_slice_into_the_next() -> None:
    found = events("race")
    starts, ends = ([e for e in found if e["ph"] == phase] for phase in "sf")
    assert [e["id"] for e in starts] == [e["id"] for e in ends]
    assert len(starts) == 3


def test_the_cores_of_a_process_are_a_counter_that_ends_at_zero() -> None:
    values = [e["args"]["cores"] for e in events("timeline") if e["ph"] == "C" and "your program" in e["name"]]
    assert len(values) == 12
    assert values[-1] == 0


def test_what_only_passed_leaves_an_empty_trace() -> None:
    assert json.loads(trace(reports.report(reports.exercise([reports.check()]))))["traceEvents"] == []
