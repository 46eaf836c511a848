"""The timeline of a call: requests, calls of the judge's functions and processes, seen from outside, within bounds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
import requests

from grader import timeline
from grader.sandbox import wire
from grader.sandbox.callbacks import Callbacks
from grader.sandbox.outcomes import SubmissionHung
from grader.sandbox.session import Session
from grader.services.mirror import Mirror
from grader.timeline import PROGRAM, Timeline, Use


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen(clock: Clock) -> Timeline:
    """A timeline in the middle of a call, in which the submission's process has the number 7."""
    made = Timeline(clock)
    made.name_of = lambda pid: PROGRAM if pid == 7 else ""
    made.begin()
    return made


def told(seen: Timeline) -> dict[str, Any]:
    found = seen.evidence()
    assert found is not None
    return found


def used(cpu: float, age: float | None = 100.0) -> Use:
    return Use(1000, cpu, 0.0, age)


# -- what is kept -------------------------------------------------------------------------------------------------------


def test_requests_are_told_in_seconds_from_the_start_of_the_call(seen: Timeline, clock: Clock) -> None:
    clock.now = 100.25
    first = seen.request("GET /1")
    clock.now = 100.5
    seen.request("GET /2")
    clock.now = 101.0
    seen.close(first, "200")
    clock.now = 102.0
    assert told(seen) == {
        "seconds": 2.0,
        "requests": [
            {"name": "GET /1", "from": 0.25, "to": 1.0, "result": "200"},
            {"name": "GET /2", "from": 0.5, "to": 2.0, "result": "open"},
        ],
    }


def test_only_the_last_call_is_told(seen: Timeline, clock: Clock) -> None:
    seen.request("GET /old")
    seen.end()
    clock.now = 110.0
    seen.begin()
    clock.now = 110.5
    seen.close(seen.request("GET /new"), "200")
    seen.end()
    clock.now = 120.0
    assert seen.request("GET /late") is None
    assert told(seen)["seconds"] == 0.5
    assert [request["name"] for request in told(seen)["requests"]] == ["GET /new"]


def test_the_program_lived_until_it_answered(seen: Timeline, clock: Clock) -> None:
    seen.look({7: used(0.0), 8: used(0.0)})
    clock.now = 103.0
    seen.end(102.0)
    found = told(seen)
    assert (found["seconds"], [process["to"] for process in found["processes"]]) == (2.0, [2.0, 0.0])


def test_what_ends_after_the_call_makes_the_timeline_longer(seen: Timeline, clock: Clock) -> None:
    request = seen.request("GET /1")
    clock.now = 101.0
    seen.end()
    clock.now = 101.5
    seen.close(request, "200")
    assert (told(seen)["seconds"], told(seen)["requests"][0]["to"]) == (1.5, 1.5)


def test_a_call_of_nothing_is_nothing(seen: Timeline, clock: Clock) -> None:
    assert seen.evidence() is None
    seen.look({7: used(1.0)})
    assert seen.evidence() is None


def test_of_a_million_calls_the_first_are_kept_and_the_rest_is_counted(seen: Timeline) -> None:
    names = (f"call {number}" for number in itertools.count())
    for number in range(10_000):
        seen.close(seen.call(lambda: next(names), 7, number))
    found = told(seen)
    assert [call["name"] for call in found["calls"]] == [f"call {number}" for number in range(timeline.MOST_SPANS)]
    assert found["calls_left_out"] == 10_000 - timeline.MOST_SPANS
    assert next(names) == f"call {timeline.MOST_SPANS}"  # nobody asked for the others


def test_who_calls_is_told_as_far_as_the_judge_knows(seen: Timeline) -> None:
    for pid, line in [(7, 3), (7, 5), (8, 6), (7, 3), (0, 9)]:
        seen.call(lambda: "load()", pid, line)
    assert [call["by"] for call in told(seen)["calls"]] == ["thread 1", "thread 2", "process 2", "thread 1", ""]
    assert [process["name"] for process in told(seen)["processes"]] == [PROGRAM, "process 2"]


# -- processes ------------------------------------------------------------------------------------------------------------


def test_a_process_shows_the_cores_that_it_used_between_two_looks(seen: Timeline, clock: Clock) -> None:
    for moment, cpu in [(100.1, 5.0), (100.2, 5.1), (100.4, 5.1), (100.5, 5.32)]:
        clock.now = moment
        seen.look({7: used(cpu)})
    (process,) = told(seen)["processes"]
    assert process == {"name": PROGRAM, "from": 0.0, "to": 0.5, "cpu": [[0.2, 1.0], [0.4, 0.0], [0.5, 2.2]]}


def test_a_process_that_is_born_in_the_call_has_used_nothing_before(seen: Timeline, clock: Clock) -> None:
    seen.look({7: used(1.0)})
    clock.now = 100.3
    seen.look({7: used(1.0), 8: used(0.1, age=0.2)})
    clock.now = 100.4
    seen.look({7: used(1.0)})
    assert told(seen)["processes"][1] == {"name": "process 2", "from": 0.1, "to": 0.3, "cpu": [[0.3, 0.5]]}


def test_no_process_begins_before_the_look_that_did_not_see_it(seen: Timeline, clock: Clock) -> None:
    clock.now = 100.1
    seen.look({7: used(0.0)})
    clock.now = 100.2
    seen.look({7: used(0.0), 8: used(0.0, age=50.0), 9: used(0.0, age=-1.0)})
    assert [process["from"] for process in told(seen)["processes"]] == [0.0, 0.1, 0.2]


def test_two_looks_in_one_moment_are_one(seen: Timeline, clock: Clock) -> None:
    for moment, cpu in [(100.0, 1.0), (100.01, 1.01), (100.1, 1.1), (100.11, 1.11)]:
        clock.now = moment
        seen.look({7: used(cpu)})
    assert told(seen)["processes"][0]["cpu"] == [[0.11, 1.0]]


def test_where_the_platform_tells_no_times_processes_are_told_without(seen: Timeline, clock: Clock) -> None:
    seen.look({7: Use(1000)})
    clock.now = 100.5
    seen.look({7: Use(1000), 8: Use(1000)})
    assert told(seen)["processes"] == [
        {"name": PROGRAM, "from": 0.0, "to": 0.5},
        {"name": "process 2", "from": 0.5, "to": 0.5},
    ]


def test_a_long_call_is_told_in_longer_steps(seen: Timeline, clock: Clock) -> None:
    for number in range(5000):
        clock.now = 100 + number / 10
        seen.look({7: used(number / 20)})
    cpu = told(seen)["processes"][0]["cpu"]
    assert timeline.MOST_LOOKS // 2 - 1 <= len(cpu) <= timeline.MOST_LOOKS
    assert {cores for _, cores in cpu} == {0.5}
    assert cpu[-1][0] == 499.9


def test_of_many_processes_the_first_are_kept_and_the_rest_is_counted(seen: Timeline, clock: Clock) -> None:
    for look in range(10):
        clock.now += 0.1
        seen.look({7: used(0.0)} | {pid: used(0.0, 0.05) for pid in range(100 + 10 * look, 110 + 10 * look)})
    found = told(seen)
    assert len(found["processes"]) == timeline.MOST_PROCESSES
    assert found["processes_left_out"] == 101 - timeline.MOST_PROCESSES


def test_the_number_of_an_ended_process_may_come_again(seen: Timeline, clock: Clock) -> None:
    for moment, pids in [(100.1, (7, 8)), (100.2, (7,)), (100.3, (7, 8))]:
        clock.now = moment
        seen.look({pid: used(0.0) for pid in pids})
    spans = [(process["from"], process["to"]) for process in told(seen)["processes"]]
    assert spans == [(0.0, 0.3), (0.0, 0.1), (0.2, 0.3)]


# -- who tells it -----------------------------------------------------------------------------------------------------------


def fetch(*args: object, **kwargs: object) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "name"),
    [
        (fetch, ["a"], {}, "fetch('a')"),
        (fetch, [1, [1, 2, 3, 4, 5]], {"timeout": 0.5}, "fetch(1, [1, 2, 3, ...], timeout=0.5)"),
        (lambda *args: None, [None], {}, "function(None)"),
        (fetch, ["x" * 1000], {}, "fetch('xxxxxxxxx...xxxxxxxxxx')"),
        (fetch, [1, 2, 3, 4, 5, 6], {}, "fetch(1, 2, 3, 4, ...)"),
        (fetch, ["x" * 1000] * 1000, {}, None),
        (fetch, [[[[[[[]]]]]], wire.Record("Job", {"n": 1}), 16**3000], {}, None),
    ],
)  # fmt: skip
def test_a_call_is_written_as_in_source_code(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], name: str | None, seen: Timeline
) -> None:
    callbacks = Callbacks(seen)
    number = callbacks.number_of(function)
    message = {"function": number, "args": wire.encode(args), "kwargs": wire.encode(kwargs)}
    assert "value" in callbacks.answer(message, 7, 1)
    (call,) = told(seen)["calls"]
    assert len(call["name"]) <= timeline.LONGEST_NAME
    assert name is None or call["name"] == name


def test_a_call_ends_also_when_it_raises(seen: Timeline, clock: Clock) -> None:
    def fail() -> None:
        clock.now += 1.0
        raise ValueError("no")

    callbacks = Callbacks(seen)
    callbacks.answer({"function": callbacks.number_of(fail), "args": ["l"], "kwargs": ["d"]})
    clock.now += 1.0
    assert told(seen)["calls"] == [{"name": "fail()", "by": "", "from": 0.0, "to": 1.0}]


@pytest.fixture
def watched() -> Iterator[tuple[Mirror, Timeline]]:
    timeline = Timeline()
    server = Mirror(timeline=timeline)
    server.start()
    timeline.begin()
    yield server, timeline
    server.close()


def test_the_mirror_tells_what_became_of_each_request(watched: tuple[Mirror, Timeline]) -> None:
    server, timeline = watched
    requests.get(server.serve("/good", b"abc"), timeout=5)
    requests.head(server.serve("/busy", b"abc", fail_first=1), timeout=5)
    requests.get(server.url("/nothing"), timeout=5)
    with pytest.raises(requests.exceptions.RequestException):
        _ = requests.get(server.serve("/torn", b"x" * 100_000, reset_after=1000), timeout=5).content
    gate = server.gate(None)
    with pytest.raises(requests.exceptions.Timeout):
        requests.get(server.serve("/slow", b"abc", hold=gate), timeout=0.2)
    assert server.wait_until(lambda: server.open_now == 0)
    server.reset_counts()  # for the check, not for the report
    results = {request["name"]: request["result"] for request in told(timeline)["requests"]}
    assert results == {
        "GET /good": "200", "HEAD /busy": "503", "GET /nothing": "404", "GET /torn": "cut", "GET /slow": "given up"
    }  # fmt: skip
    gate.open()


WORK = """
import os, threading

def run(meet):
    if (child := os.fork()) == 0:
        meet(2)
        os._exit(0)
    thread = threading.Thread(target=meet, args=(1,))
    thread.start()
    meet(0)
    thread.join()
    os.waitpid(child, 0)

def hang():
    while True:
        pass
"""


@pytest.fixture
def started(session_of: Callable[..., Session]) -> tuple[Session, Timeline]:
    session = session_of(WORK, seconds=1.0)
    return session, session._timeline


def test_threads_and_processes_of_a_submission_are_told_apart(started: tuple[Session, Timeline]) -> None:
    session, timeline = started
    inside: list[int] = []
    number = session.number_of(lambda who: inside.append(who))
    session.ask({"do": "call", "name": "run", "args": ["l", ["call", number]], "kwargs": ["d"]}, "run")
    found = told(timeline)
    by = {call["name"]: call["by"] for call in found["calls"]}
    assert by["function(2)"] == "process 2"
    assert {by["function(0)"], by["function(1)"]} == {"thread 1", "thread 2"}
    assert {process["name"] for process in found["processes"]} == {PROGRAM, "process 2"}


def test_a_hanging_program_shows_its_cpu(started: tuple[Session, Timeline]) -> None:
    session, timeline = started
    with pytest.raises(SubmissionHung):
        session.ask({"do": "call", "name": "hang", "args": ["l"], "kwargs": ["d"]}, "hang")
    (process,) = told(timeline)["processes"]
    assert process["name"] == PROGRAM
    assert sum(cores for _, cores in process["cpu"]) > 0


def test_questions_of_the_judges_own_are_no_calls(started: tuple[Session, Timeline]) -> None:
    session, timeline = started
    session.finish()
    assert timeline.evidence() is None


# -- the form -----------------------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    from grader.tests.test_cli import ROOT

    whole: dict[str, Any] = json.loads((ROOT / "grader/report.schema.json").read_text())
    return {"$defs": whole["$defs"], **whole["$defs"]["check"]["properties"]["evidence"]}


GOOD = {
    "seconds": 1.0,
    "requests": [{"name": "GET /1", "from": 0.01, "to": 0.31, "result": "200"}],
    "calls": [{"name": "fetch('a')", "by": "", "from": 0.0, "to": 0.1}],
    "processes": [{"name": PROGRAM, "from": 0.0, "to": 1.2, "cpu": [[0.1, 0.9], [0.2, 1.0]]}],
    "calls_left_out": 3,
}
STEP = {"thread": "main", "file": "work.py", "line": 3, "function": "f", "source": "x = 1", "state": {"x": "0"}}


def test_the_schema_knows_the_new_fields() -> None:
    jsonschema.validate({"type": "overlap", "timeline": GOOD}, schema())
    jsonschema.validate({"type": "schedule", "steps": [STEP, {**STEP, "holds": ["a", "b"], "waits": "c"}]}, schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 1.0},
        {**GOOD, "seconds": -1},
        {**GOOD, "requests": []},
        {**GOOD, "requests": GOOD["requests"] * 201},  # type: ignore[operator]
        {**GOOD, "requests": [{"name": "GET /1", "from": 0.01, "to": 0.31, "result": 200}]},
        {**GOOD, "calls": [{"name": "f()", "from": 0.0, "to": 0.1}]},
        {**GOOD, "processes": [{"name": PROGRAM, "from": 0.0, "to": 1.2, "cpu": [[0.1]]}]},
        {**GOOD, "processes": GOOD["processes"] * 41},  # type: ignore[operator]
        {**GOOD, "told": "by the submission"},
    ],
)
def test_the_schema_refuses_a_timeline_of_another_form(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "overlap", "timeline": wrong}, schema())


@pytest.mark.parametrize(
    "wrong", [{"holds": []}, {"holds": "a"}, {"holds": [3]}, {"waits": ""}, {"wait": "a"}, {"line": "3"}]
)
def test_the_schema_refuses_a_step_of_another_form(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "schedule", "steps": [{**STEP, **wrong}]}, schema())
