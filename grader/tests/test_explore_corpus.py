"""Programs whose verdict is known: all wrong ones are found, no right one is blamed, on every Python that is here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader import explore_bench
from grader.explore import Kind
from grader.explore.strategies import Portfolio
from grader.explore_bench import Case, Row
from grader.tests.explored import PYTHONS

CASES = explore_bench.cases()
CORRECT = [case for case in CASES if not case.kinds]
WRONG = [case for case in CASES if case.kinds]
# These keep a thread busy or blocked that cannot be ended from inside, so each gets a process of its own.
ENDLESS = {Kind.LIVELOCK, Kind.OUTSIDE_CONTROL}
APART = [case for case in WRONG if case.kinds != explore_bench.ANY_FAULT and case.kinds & ENDLESS]
FOUND = [case for case in WRONG if case not in APART]
SEEDS, SCHEDULES = 20, 15


def by_name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", FOUND, ids=by_name)
def test_the_fault_is_found_with_its_cause_and_replayed(case: Case) -> None:
    for seed in range(SEEDS):
        found = explore_bench.explore(case, seed, explore_bench.MOST)
        assert not found.complaint(case), f"seed {seed}: {found.complaint(case)}"
        if found.schedules <= Portfolio.FIXED:
            return  # other seeds begin with the same schedules


@pytest.mark.parametrize("case", CORRECT, ids=by_name)
def test_a_correct_program_is_not_blamed(case: Case) -> None:
    for seed in range(SEEDS):
        found = explore_bench.explore(case, seed, SCHEDULES)
        assert not found.complaint(case), f"seed {seed}: {found.complaint(case)}"


@pytest.mark.parametrize("case", APART, ids=by_name)
def test_what_has_no_end_is_told_and_its_process_ends(case: Case) -> None:
    (row,) = explore_bench.rows((explore_bench.version(), sys.executable), [case.name], seeds=1, schedules=1)
    assert not row.complaint


@pytest.mark.parametrize("version", PYTHONS)
def test_other_pythons_find_the_same(version: str) -> None:
    names = [case.name for case in CASES if case not in APART and case.options.get("schedules", 99) > 20]
    command = [PYTHONS[version], "-m", "grader.explore_bench", "--here", "--seeds", "1", "--schedules", "6", *names]
    environment = {**os.environ, "PYTHONPATH": str(explore_bench.CORPUS.parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=True)
    found = [Row(**json.loads(line)) for line in done.stdout.splitlines()]
    assert [row.program for row in found] == names
    assert {row.python for row in found} == {version}
    assert [(row.program, row.complaint) for row in found if row.complaint or row.left] == []


def test_a_verdict_that_is_not_the_right_one_is_counted() -> None:
    wrong = next(case for case in FOUND if case.name == "buggy/unlocked_counter")
    taken_for_correct = Case("correct/unlocked_counter", wrong.path, wrong.scenario)
    row = explore_bench.row(taken_for_correct, seeds=2, schedules=100)
    assert (row.expected, row.right) == ("correct", 0)
    assert row.complaint.startswith("race: ")
    other_words = Case(wrong.name, wrong.path, wrong.scenario, wrong.kinds, ("a word that is not there",))
    assert "says none of" in explore_bench.row(other_words, seeds=1, schedules=100).complaint


def test_the_command_prints_a_table_for_each_python(tmp_path: Path) -> None:
    target = tmp_path / "rows.jsonl"
    names = ["buggy/self_deadlock", "correct/t01_counter"]
    command = [sys.executable, "-m", "grader", "dev", "bench", "explore", *names, "--seeds", "2", "--schedules", "5"]
    done = subprocess.run([*command, "--json", target], capture_output=True, text=True, timeout=100, check=True)
    found = [Row(**json.loads(line)) for line in target.read_text().splitlines()]
    assert [(row.python, row.program) for row in found] == [(python, name) for python in PYTHONS for name in names]
    assert {(row.expected, row.right, row.most_schedules) for row in found} == {("deadlock", 2, 1), ("correct", 2, 5)}
    for row in found:
        assert explore_bench.line(row) in done.stdout
    assert done.stdout.count("2 of 2 faults found, after at most 1 schedules") == len(PYTHONS)
