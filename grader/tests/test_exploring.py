"""Explorations end to end: evidence, tokens, replay, and submissions that hide their races from the engine."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from grader.catalog import Catalog
from grader.judge.expectations import CheckFailed
from grader.judge.exploring import Explore
from grader.tests.test_cli import ROOT, assert_no_traceback, grader

EXERCISE = "ticket_office"
REJECTED = Catalog(ROOT).find(EXERCISE).folder.parents[2] / "solutions" / "synchronisation" / EXERCISE / "rejected"
RACY = (REJECTED / "check_outside.py").read_text(encoding="utf-8")
CHEATS = {
    "no switch points": "import grader.explore.scheduler as s\ns.Run.point = lambda self, actor, at_lock=False: None\n",
    "no tracing": "import grader.explore.points as p\np.listen = lambda at: None\n",
    "one thread after the other": (
        "import grader.explore.strategies as s\n"
        "s.Sticky.choose = s.Pct.choose = lambda self, index, current, options, default, at_lock=False: default\n"
        "s.TurnsAtLocks.choose = s.Recorded.choose = lambda self, index, current, options, default, at_lock=False: default\n"
    ),
}


def checks_of(path: Path, tmp_path: Path) -> list[dict[str, Any]]:
    report = tmp_path / "report.json"
    done = grader("check", EXERCISE, "--submission", path, "--json", report, state=tmp_path)
    assert_no_traceback(done)
    checks: list[dict[str, Any]] = json.loads(report.read_text())["exercises"][0]["checks"]
    return checks


def test_a_race_is_shown_with_its_schedule_and_the_token_replays_it(tmp_path: Path) -> None:
    racy = tmp_path / "racy.py"
    racy.write_text(RACY, encoding="utf-8")
    check = next(c for c in checks_of(racy, tmp_path) if c["name"] == "test_last_seat_is_sold_once")
    assert check["verdict"] == "failed"
    assert check["message"].startswith("Two buyers got the last seat.")
    assert check["evidence"]["type"] == "schedule"
    assert {step["thread"] for step in check["evidence"]["steps"]} == {"main", "buyer 1", "buyer 2"}
    done = grader("replay", EXERCISE, check["evidence"]["token"], "--submission", racy, state=tmp_path)
    assert done.returncode == 0
    assert "The scenario returned [True, True, -1]." in done.stdout
    lanes = re.findall(r"^  ([*| ]+)  +\d+  ", done.stdout, re.M)
    assert {lane.index("*") for lane in lanes} == {0, 2, 4}


@pytest.mark.parametrize(("lock_free", "message"), [(False, "Torn.\nNo lock was held."), (True, "Torn.")])
def test_code_that_must_do_without_locks_is_not_told_that_it_held_none(lock_free: bool, message: str) -> None:
    class Answers:
        def explore_request(self, message: dict[str, Any], label: str) -> Any:
            return {"schedule": "3c", "switches": 1, "steps": [], "note": "No lock was held."}

    submission: Any = Answers()
    explore = Explore(submission, 1, random.Random(1), None)
    explore.lock_free, explore.is_open = lock_free, True
    assert explore.explain(CheckFailed("Torn.")).message == message


def test_a_deadlock_says_who_holds_what(tmp_path: Path) -> None:
    checks = checks_of(REJECTED / "nested_event_locks.py", tmp_path)
    check = next(c for c in checks if c["name"] == "test_opposite_swaps_never_stand_still")
    assert check["verdict"] == "hung"
    assert check["evidence"]["type"] == "deadlock"
    assert len(check["evidence"]["cycle"]) >= 2
    assert re.search(r"holds \S+ \(name='gig'\) .* waits for \S+ \(name='play'\)", check["message"])


@pytest.mark.parametrize("token", ["kt1-99a-0", "nonsense", "kt1-1a-0"])
def test_a_token_that_names_no_schedule_is_wrong_usage(token: str, tmp_path: Path) -> None:
    done = grader("replay", EXERCISE, token, "--submission", REJECTED / "check_outside.py", state=tmp_path)
    assert done.returncode == 2
    assert_no_traceback(done)


@pytest.mark.parametrize("cheat", CHEATS)
def test_who_blinds_the_engine_does_not_pass(cheat: str, tmp_path: Path) -> None:
    path = tmp_path / "cheat.py"
    path.write_text(RACY.replace("import threading\n", f"import threading\n{CHEATS[cheat]}"), encoding="utf-8")
    checks = {c["name"]: c for c in checks_of(path, tmp_path)}
    assert checks["test_last_seat_is_sold_once"]["verdict"] == "failed"
    assert any("a broken object looks correct" in c["message"] for c in checks.values())
