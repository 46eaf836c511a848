"""Reports of real gradings: what they tell of locks and of real runs, in the form that the schema describes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from grader import grading
from grader.catalog import Catalog
from grader.tests.test_cli import ROOT
from grader.verdict import to_json

SCHEMA = ROOT / "grader" / "report.schema.json"


def checks_of(slug: str, submission: str, *only: str) -> dict[str, dict[str, Any]]:
    """The checks of a report, which follows the schema. `submission`: its name below the exercise's solutions."""
    exercise = Catalog(ROOT).find(slug)
    path = exercise.reference.parent / submission
    with grading.Grading(jobs=1) as run:
        results = run.run([grading.Request(exercise, path, only)])
    report = json.loads(to_json(grading.report(results, 0, run.isolation)))
    jsonschema.validate(report, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return {check["name"]: check for check in report["exercises"][0]["checks"]}


@pytest.fixture(scope="module")
def downloads() -> dict[str, dict[str, Any]]:
    names = ["test_nothing_to_download_gives_an_empty_list", "test_as_many_downloads_run_at_once_as_allowed"]
    names += ["test_a_busy_mirror_is_asked_again", "test_progress_comes_as_each_file_completes"]
    return checks_of("file_downloader", "reference.py", *names)


def test_a_passed_check_shows_how_its_requests_overlapped(downloads: dict[str, dict[str, Any]]) -> None:
    check = downloads["test_as_many_downloads_run_at_once_as_allowed"]
    assert (check["verdict"], check["evidence"]["type"]) == ("passed", "overlap")
    requests = check["evidence"]["timeline"]["requests"]
    assert max(request["from"] for request in requests[:2]) < min(request["to"] for request in requests[:2])


def test_the_mirrors_answers_are_told(downloads: dict[str, dict[str, Any]]) -> None:
    timeline = downloads["test_a_busy_mirror_is_asked_again"]["evidence"]["timeline"]
    assert [request["result"] for request in timeline["requests"]] == ["503", "503", "200"]


def test_callbacks_are_told_beside_the_requests(downloads: dict[str, dict[str, Any]]) -> None:
    timeline = downloads["test_progress_comes_as_each_file_completes"]["evidence"]["timeline"]
    assert [call["name"] for call in timeline["calls"]] == ["progress(Download(...))"] * 3
    assert all(call["by"].startswith("thread ") for call in timeline["calls"])
    assert all(entry["to"] <= timeline["seconds"] for entry in timeline["requests"] + timeline["calls"])


def test_a_check_in_which_nothing_happened_has_no_evidence(downloads: dict[str, dict[str, Any]]) -> None:
    assert "evidence" not in downloads["test_nothing_to_download_gives_an_empty_list"]


def test_a_speed_up_shows_its_last_attempt() -> None:
    (check,) = checks_of("file_downloader", "reference.py", "test_eight_workers_are_faster_than_one").values()
    timeline = check["evidence"]["timeline"]
    assert timeline["processes"][0]["name"] == "your program"
    assert len(timeline["requests"]) == 24  # of one trial, though each check makes several


def test_an_explored_deadlock_shows_its_locks_and_no_real_time() -> None:
    name = "test_opposite_swaps_never_stand_still"
    (check,) = checks_of("ticket_office", "rejected/nested_event_locks.py", name).values()
    evidence = check["evidence"]
    assert (check["verdict"], evidence["type"]) == ("hung", "deadlock")
    assert "timeline" not in evidence
    last = {step["thread"]: step for step in evidence["steps"]}
    for wait in evidence["cycle"]:
        assert last[wait["thread"]]["waits"] == wait["label"]
        assert wait["holder_label"] in last[wait["holder"]]["holds"]
