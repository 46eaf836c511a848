"""`grader regrade`: what is found, what is graded once, what survives a kill, and what others do not suffer from."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from grader.catalog import Catalog
from grader.classroom import regrade
from grader.classroom.bar import Bar
from grader.classroom.collect import Collector, read_roster, unpack
from grader.classroom.results import HandedIn, Person
from grader.classroom.store import Store
from grader.classroom.units import Context, Unit, machine_class
from grader.cli_regrade import file_names
from grader.errors import GraderFault, UsageError
from grader.tests.small import exercise_toml
from grader.verdict import CheckResult, Kind, Verdict

TOML = exercise_toml("times", seconds=5, points="correctness = 60\nhygiene = 40")
CHECKS = """
EXERCISE, FACTOR = "{slug}", {factor}

from grader.judge import Submission, expect, kind

def test_small_numbers(submission: Submission) -> None:
    expect(submission.times(2) == 2 * FACTOR, "A small number is wrong.")

@kind("hygiene")
def test_nothing_is_left(submission: Submission) -> None:
    submission.times(2)
    submission.finish().expect_none()
"""
FACTORS = {"doubled": 2, "tripled": 3}
RIGHT = "def times(n):\n    return {factor} * n\n"
WRONG = "def times(n):\n    return n\n"
DIES = "import os\ndef times(n):\n    os._exit(0)\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for slug, factor in FACTORS.items():
        folder = root / "exercises/threads" / slug
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(TOML)
        (folder / f"{slug}.py").write_text("def times(n):\n    raise NotImplementedError\n")
        tests = root / "tests/threads"
        tests.mkdir(parents=True, exist_ok=True)
        (tests / f"test_{slug}.py").write_text(CHECKS.format(slug=slug, factor=factor))
    order = json.dumps(list(FACTORS))
    (root / "exercises/threads/track.toml").write_text(f'title = ""\nintro = ""\norder = {order}\n')
    return root


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    return folder


def put(path: Path, text: str = WRONG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(checkout: Path, folder: Path, roster: list[Person] | None = None) -> tuple[list[HandedIn], list[str]]:
    catalog = Catalog(checkout)
    collector = Collector(catalog, catalog.exercises, folder.with_name("unpacked"), roster or [])
    return collector.collect(folder), collector.notes


def names(handed: list[HandedIn]) -> list[tuple[str, str]]:
    return [(one.person.identifier, one.slug) for one in handed]


# -- what is found -----------------------------------------------------------------------------------------------------


def test_repositories_folders_files_and_zips_belong_to_people(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "course-ada" / "exercises/threads/doubled/doubled.py")
    put(handed_in / "grace" / "tripled.py")
    put(handed_in / "hopperalan_12_345_doubled-1.py")
    put(handed_in / "Kurt G_99_assignsubmission_file_" / "doubled.py")
    with zipfile.ZipFile(handed_in / "edsger.zip", "w") as archive:
        archive.writestr("work/doubled.py", WRONG)
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [
        ("course-ada", "doubled"), ("edsger", "doubled"), ("grace", "tripled"), ("hopperalan", "doubled"), ("Kurt G", "doubled"),
    ]  # fmt: skip
    assert notes == []


def test_the_roster_knows_repositories_by_the_end_of_their_names(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "course-ada" / "exercises/threads/doubled/doubled.py")
    ada = Person("Ada", "Ada Lovelace", "ada@example.org")
    handed, _ = found(checkout, handed_in, [ada])
    assert handed[0].person == ada


def test_a_link_is_not_followed(checkout: Path, handed_in: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.py")
    (handed_in / "eve").mkdir()
    (handed_in / "eve" / "doubled.py").symlink_to(secret)
    (handed_in / "mallory").symlink_to(put(tmp_path / "elsewhere" / "doubled.py").parent)
    assert found(checkout, handed_in)[0] == []


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, WRONG)
    return path


@pytest.mark.parametrize(
    "inside",
    [
        ["hw/hw-ada/exercises/threads/doubled/doubled.py", "hw/hw-bob/exercises/threads/doubled/doubled.py"],
        ["Ada_1_assignsubmission_file_/doubled.py", "Bob_2_assignsubmission_file_/doubled.py"],
        ["ada_1_2_doubled.py", "bob_3_4_doubled.py"],
        ["ada/doubled.py", "bob/doubled.py"],  # which only the roster knows
    ],
    ids=["repositories", "Moodle", "Canvas", "roster"],
)
def test_the_zip_of_a_whole_class_is_many_people(checkout: Path, handed_in: Path, inside: list[str]) -> None:
    zipped(handed_in / "submissions.zip", *inside)
    handed, notes = found(checkout, handed_in, [Person("ada"), Person("bob")])
    assert [one.person for one in handed] == [Person("ada"), Person("bob")]
    assert notes == []


def test_one_of_many_zips_is_one_persons_whatever_names_are_in_it(checkout: Path, handed_in: Path) -> None:
    zipped(handed_in / "mallory.zip", "ada/doubled.py", "ada_doubled.py", "Ada_1_assignsubmission_file_/doubled.py")
    put(handed_in / "ada" / "doubled.py", RIGHT)
    handed, notes = found(checkout, handed_in, [Person("ada"), Person("bob")])
    assert names(handed) == [("ada", "doubled"), ("mallory", "doubled")]
    assert handed[0].path.read_text() == RIGHT
    assert "mallory looks like the work of several people." in notes[0]


def test_of_files_that_were_handed_in_again_the_last_one_counts_and_it_is_told(checkout: Path, handed_in: Path) -> None:
    for end in ("-10", "", "-9"):
        put(handed_in / f"ada_1_2_doubled{end}.py")
    handed, notes = found(checkout, handed_in)
    assert [one.path.name for one in handed] == ["ada_1_2_doubled-10.py"]
    assert notes[0].startswith("ada handed in 3 files for doubled; ada_1_2_doubled-10.py in handed-in counts.")


def test_endings_may_be_in_capitals_and_other_archives_are_told(checkout: Path, handed_in: Path) -> None:
    zipped(handed_in / "ada.ZIP", "DOUBLED.py", "tripled.PY")
    put(handed_in / "bob.rar", "Rar!")
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [("ada", "tripled")]
    assert notes == ["bob.rar was not looked at: unpack it into a folder with its owner's name."]


@pytest.mark.parametrize("name", ["../../evil.py", "/etc/evil.py", "C:\\evil.py", "a/../../evil.py"])
def test_a_zip_writes_only_below_its_folder(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, "evil")
    unpack(archive, tmp_path / "deep" / "target")
    outside = [p for p in tmp_path.rglob("*evil*") if (tmp_path / "deep" / "target") not in p.parents]
    assert outside == []
    assert not Path("/etc/evil.py").exists()


def test_a_broken_zip_is_a_note_and_the_rest_is_found(checkout: Path, handed_in: Path) -> None:
    (handed_in / "bad.zip").write_bytes(b"PK nonsense")
    put(handed_in / "ada" / "doubled.py")
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [("ada", "doubled")]
    assert len(notes) == 1
    assert "bad.zip cannot be unpacked" in notes[0]


def test_a_roster_without_names_or_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 2 names nobody"):
        read_roster(put(tmp_path / "a.csv", "identifier,section\n,2\n"))
    with pytest.raises(UsageError, match="lines 2 and 3 have the same identifier"):
        read_roster(put(tmp_path / "b.csv", "identifier\nada\nAda\n"))
    with pytest.raises(UsageError, match="names nobody"):
        read_roster(put(tmp_path / "c.csv", "identifier\n"))


def test_columns_of_a_roster_may_be_called_as_platforms_call_them(tmp_path: Path) -> None:
    roster = put(tmp_path / "r.csv", "Student,ID,SIS User ID,SIS Login ID,Section\nAda L,7,s7,ada,A\n")
    assert read_roster(roster) == [Person("ada", "Ada L", "", "7", "s7", "ada", "A")]


def test_everybody_gets_a_file_name_of_their_own() -> None:
    made = file_names(["Ada", "ada", "../x", "..", "a/b", "a-b", "名前"])
    assert len({name.lower() for name in made.values()}) == 7
    assert all("/" not in name and not name.startswith(".") for name in made.values())


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
    plan = regrade.plan(Catalog(checkout), found(checkout, handed_in)[0])
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
    assert "is a file of an exercise" in graded(checkout, handed_in, code=2)
    put(handed_in / "ada" / "doubled.py", "x" * 300_000)
    put(handed_in / "bob" / "doubled.py", RIGHT.format(factor=2))
    assert "ada/doubled.py was not graded" in graded(checkout, handed_in)


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
    handed, _ = found(checkout, handed_in)
    plan = regrade.plan(Catalog(checkout), handed)
    assert len(plan.sources) == 1
    assert len(plan.handed) == 2
