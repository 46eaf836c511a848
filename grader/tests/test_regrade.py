"""`grader regrade`: what is graded once, what survives a kill, and what others do not suffer from."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.catalog import Catalog
from grader.classroom import regrade
from grader.classroom.bar import Bar
from grader.classroom.collect import Collector
from grader.classroom.regrade import Plan
from grader.classroom.slots import Slot
from grader.classroom.store import Store
from grader.classroom.units import Context, Unit, context, machine_class
from grader.errors import GraderFault
from grader.grading import Grading
from grader.tests.handed import DIES, FACTORS, RIGHT, WRONG, put
from grader.verdict import CheckResult, Kind, Verdict


def plan_of(checkout: Path, folder: Path) -> Plan:
    catalog = Catalog(checkout)
    collector = Collector(catalog, catalog.exercises, folder.with_name("unpacked"), [])
    return regrade.plan(catalog, collector.collect(folder), collector.problems)


# -- what is remembered ------------------------------------------------------------------------------------------------

CONTEXT = Context(0, "bubblewrap", "engine", machine_class())
PASSED = [CheckResult("test_x", "x", Kind.CORRECTNESS, Verdict.PASSED, 0.1)]


def test_a_line_that_a_kill_has_cut_is_dropped_and_the_rest_is_known(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    unit = Unit("doubled", "a" * 64, False)
    with Store(file) as store:
        store.put("first", unit, PASSED, CONTEXT.place)
        store.put("second", unit, PASSED, CONTEXT.place)
    file.write_bytes(file.read_bytes()[:-20])
    with Store(file) as store:
        assert store.get("first") == PASSED
        assert store.get("second") is None
        store.put("third", unit, PASSED, CONTEXT.place)
    with Store(file) as store:
        assert store.get("third") == PASSED


def test_the_bar_counts_what_will_be_graded_and_not_the_speed_of_what_is_wrong(
    checkout: Path, handed_in: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speedup = '@kind("speedup")\ndef test_it_is_fast(submission: Submission) -> None:\n    pass\n'
    with open(checkout / "tests/threads/test_doubled.py", "a", encoding="utf-8") as file:
        file.write(speedup)
    for name, text in {"ada": RIGHT.format(factor=2), "bob": WRONG}.items():
        put(handed_in / name / "doubled.py", text)
    plan = plan_of(checkout, handed_in)
    exercise = Catalog(checkout).find("doubled")
    right, wrong = (Unit("doubled", plan.handed[number][1], False) for number in (0, 1))
    failed = [replace(PASSED[0], verdict=Verdict.FAILED)]
    with Store(handed_in.with_name("verdicts.jsonl")) as store:
        left = []
        with Bar(plan, store, CONTEXT) as bar:
            left.append(bar.left)
            for unit, checks in ((right, PASSED), (wrong, failed)):
                store.put(CONTEXT.key(unit, exercise), unit, checks, CONTEXT.place)
                bar.done(unit, 0.1)
                left.append(bar.left)
        assert left == [4, 3, 1]  # two to be looked at and two to be timed; of the wrong one nothing is timed
        with Bar(plan, store, CONTEXT) as again:
            assert again.left == 1
    assert "2 of 3 were graded before." in capsys.readouterr().err


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_what_may_be_different_next_time_is_not_remembered(tmp_path: Path, verdict: Verdict) -> None:
    checks = [CheckResult("test_x", "x", Kind.SPEEDUP, verdict, 0.1)]
    with Store(tmp_path / "v.jsonl") as store:
        store.put("key", Unit("doubled", "a" * 64, True), checks, CONTEXT.place)
        assert store.get("key") == checks
    with Store(tmp_path / "v.jsonl") as store:
        assert store.get("key") is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_two_regrades_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "v.jsonl"),
        pytest.raises(GraderFault, match="Another regrade is at work"),
        Store(tmp_path / "v.jsonl"),
    ):
        pass


def test_checks_that_change_while_they_judge_are_run_again(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "ada" / "doubled.py", RIGHT.format(factor=2))
    plan = plan_of(checkout, handed_in)
    [source] = plan.sources.values()
    unit, tests = Unit("doubled", source.sha256, False), source.exercise.tests
    with Grading() as grading:

        class Editing(Slot):
            """While the first unit is judged, somebody saves another check."""

            times = 0

            def grade(self, *asked: Any) -> list[CheckResult]:
                checks = super().grade(*asked)
                if not self.times:
                    tests.write_text(tests.read_text().replace('"doubled", 2', '"doubled", 3'))
                self.times += 1
                return checks

        where = context(0, grading.isolation)
        with Editing(grading) as slot:
            key, checks = regrade.graded_with_key(slot, unit, source, where)
    assert slot.times == 2
    assert key == where.key(unit, source.exercise)
    assert checks[0].verdict is Verdict.FAILED  # by the newer check


def test_what_could_not_be_measured_is_measured_once_more(checkout: Path, handed_in: Path, tmp_path: Path) -> None:
    """The machine is busy at the first measurement of each."""
    tests = checkout / "tests/threads/test_doubled.py"
    tests.write_text(
        tests.read_text() + "from pathlib import Path\nfrom grader.judge.expectations import Inconclusive\n"
        '@kind("speedup")\ndef test_it_is_fast(submission: Submission) -> None:\n'
        "    seen = Path(__file__).with_suffix(f'.{submission.times(1)}')\n"
        "    if not seen.exists():\n        seen.touch()\n        raise Inconclusive('It was busy.')\n"
    )
    put(handed_in / "ada" / "doubled.py", RIGHT.format(factor=2))
    plan = plan_of(checkout, handed_in)
    [source] = plan.sources.values()
    measured: list[bool] = []
    with Grading() as grading, Store(tmp_path / "v.jsonl") as store:
        where = context(0, grading.isolation)
        regrade.grade_here(plan, store, where, grading, 1, lambda unit, _: measured.append(unit.timed))
        [check] = regrade.known(Unit("doubled", source.sha256, True), source.exercise, store, where) or []
    assert measured == [False, True, True]
    assert check.verdict is Verdict.PASSED


def test_a_file_that_changes_before_its_turn_is_not_judged_as_what_it_was(checkout: Path, handed_in: Path) -> None:
    path = put(handed_in / "ada" / "doubled.py", RIGHT.format(factor=2))
    [source] = plan_of(checkout, handed_in).sources.values()
    put(path, WRONG)
    with Grading() as grading, Slot(grading) as slot:
        checks = slot.grade(Unit("doubled", source.sha256, False), source.exercise, path)
    assert {check.verdict for check in checks} == {Verdict.ERROR}
    assert len(checks) == 2


def test_a_second_regrade_touches_nothing_of_the_first(checkout: Path, handed_in: Path) -> None:
    with zipfile.ZipFile(handed_in / "ada.zip", "w") as archive:
        archive.writestr("doubled.py", WRONG)
    out = handed_in.with_name("handed-in-graded")
    being_graded = put(out / "unpacked" / handed_in.relative_to("/") / "ada" / "doubled.py", RIGHT)
    with Store(out / "verdicts.jsonl"):
        assert "Another regrade is at work" in graded(checkout, handed_in, code=3)
    assert being_graded.read_text() == RIGHT


def test_verdicts_on_speed_belong_to_a_machine_and_others_do_not(checkout: Path) -> None:
    exercise = Catalog(checkout).find("doubled")
    elsewhere = Context(0, "bubblewrap", "engine", "another machine")
    for timed in (False, True):
        unit = Unit("doubled", "a" * 64, timed)
        assert (CONTEXT.key(unit, exercise) == elsewhere.key(unit, exercise)) is not timed


# -- the command -------------------------------------------------------------------------------------------------------


def command(checkout: Path, *words: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "grader", "regrade", *map(str, words)]


def graded(checkout: Path, *words: str | Path, code: int = 0) -> str:
    done = subprocess.run(command(checkout, *words), cwd=checkout, capture_output=True, text=True, timeout=100)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def a_class(folder: Path, people: int) -> None:
    """The first half is right, in two ways; the others are wrong, hostile, or not begun."""
    for number in range(people):
        for slug, factor in FACTORS.items():
            right = RIGHT.format(factor=factor) + f"# {number % 2}\n"
            others = (WRONG + f"# {number}\n", DIES, "def times(n):\n    raise NotImplementedError\n")
            put(folder / f"person-{number:02}" / f"{slug}.py", right if number < people // 2 else others[number % 3])


def table(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / "grades.csv").read_text(encoding="utf-8-sig"))))


def test_a_class_is_graded_and_everything_is_written(checkout: Path, handed_in: Path) -> None:
    a_class(handed_in, 8)
    roster = put(
        handed_in.with_name("roster.csv"), "identifier,name,email\nperson-00,Ada,ada@example.org\nabsent,Bob,b@x.org\n"
    )
    said = graded(checkout, handed_in, "--roster", roster)
    assert "not on the roster: person-01, person-02, person-03 and 4 more. On the roster, without work: absent." in said
    out = handed_in.with_name("handed-in-graded")
    rows = {row["identifier"]: row for row in table(out)}
    assert "9 people, 16 files, 10 different ones: 8 passed" in said
    assert [rows[f"person-{number:02}"]["total"] for number in range(8)] == [
        *["200"] * 4, "0", "0", "80", "0",  # what is wrong and leaves nothing behind has the points for that
    ]  # fmt: skip
    assert rows["person-00"]["person"] == "Ada"
    assert rows["absent"]["total"] == "0"
    assert {path.name for path in out.iterdir()} >= {
        "class.html",
        "checks.csv",
        "canvas.csv",
        "moodle.csv",
        "results.jsonl",
    }
    assert len(list((out / "reports").iterdir())) == 8


def test_equal_files_are_graded_once(checkout: Path, handed_in: Path) -> None:
    for number in range(5):
        put(handed_in / f"p{number}" / "doubled.py", RIGHT.format(factor=2))
    graded(checkout, handed_in)
    lines = (handed_in.with_name("handed-in-graded") / "verdicts.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert [row["total"] for row in table(handed_in.with_name("handed-in-graded"))] == ["100"] * 5


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_killed_three_times_and_resumed_the_gradebook_is_the_same(
    checkout: Path, handed_in: Path, tmp_path: Path
) -> None:
    a_class(handed_in, 10)
    graded(checkout, handed_in, "--out", tmp_path / "whole")
    out = tmp_path / "killed"
    store = out / "verdicts.jsonl"
    for enough in (2, 5, 8):
        resume = ["--resume"] if store.exists() else []
        with subprocess.Popen(
            command(checkout, handed_in, "--out", out, *resume), cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as running:  # fmt: skip
            while running.poll() is None and (not store.exists() or len(store.read_bytes().splitlines()) < enough):
                time.sleep(0.005)  # the file is the only thing that tells how far it is
            running.send_signal(signal.SIGKILL)
    graded(checkout, handed_in, "--out", out, "--resume")
    assert (out / "grades.csv").read_text() == (tmp_path / "whole" / "grades.csv").read_text()


def test_an_earlier_run_is_never_overwritten_unasked(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "ada" / "doubled.py")
    graded(checkout, handed_in)
    assert "--resume goes on with it" in graded(checkout, handed_in, code=2)
    assert "There is nothing to resume" in graded(
        checkout, handed_in, "--out", handed_in.with_name("new"), "--resume", code=2
    )


def test_nothing_handed_in_and_what_cannot_be_graded_are_told(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "eve.zip", "no zip")
    said = graded(checkout, handed_in, code=2)
    assert "can be graded" in said
    assert "eve.zip cannot be unpacked: File is not a zip file" in said
    put(handed_in / "ada" / "doubled.py", "x" * 300_000)
    put(handed_in / "bob" / "doubled.py", RIGHT.format(factor=2))
    assert "ada, doubled: doubled.py has 300,000 bytes" in graded(checkout, handed_in)
    rows = {row["identifier"]: row for row in table(handed_in.with_name("handed-in-graded"))}
    assert {name: row["total"] for name, row in rows.items()} == {"ada": "0", "bob": "100", "eve": "0"}
    assert "eve.zip cannot be unpacked" in (handed_in.with_name("handed-in-graded") / "class.html").read_text()


def test_a_roster_on_which_nobody_is_found_ends_it_before_anything_is_graded(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "ada" / "doubled.py")
    roster = put(handed_in.with_name("roster.csv"), "identifier\nal123\n")
    said = graded(checkout, handed_in, "--roster", roster, code=2)
    assert "Nobody on the roster has handed in anything: on it are al123, and work is there of ada." in said


def test_an_exercise_that_was_changed_is_graded_anew(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "ada" / "doubled.py", RIGHT.format(factor=2))
    graded(checkout, handed_in)
    tests = checkout / "tests/threads/test_doubled.py"
    tests.write_text(tests.read_text().replace('FACTOR = "doubled", 2', 'FACTOR = "doubled", 5'))
    graded(checkout, handed_in, "--resume")
    assert table(handed_in.with_name("handed-in-graded"))[0]["total"] != "100"


def test_a_plan_reads_each_file_once_for_its_hash(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "a" / "doubled.py")
    put(handed_in / "b" / "doubled.py")
    plan = plan_of(checkout, handed_in)
    assert len(plan.sources) == 1
    assert len(plan.handed) == 2
