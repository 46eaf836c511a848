"""The commands of those who learn: where they stand, tasks, hints, and resets that lose nothing."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader import progress, scaffold
from grader.catalog import Catalog, Exercise
from grader.errors import GraderFault
from grader.progress import Mark
from grader.render.markdown import rendered
from grader.render.screen import Screen
from grader.standing import after, standing
from grader.verdict import ExerciseResult, Verdict

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = "file_downloader"
ASCII = Screen(80, unicode=False)
CATALOG = Catalog(ROOT)


def grader(*arguments: str, state: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "grader", *arguments]
    known = {**os.environ, "GRADER_STATE": str(state), **environment}
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, timeout=60)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADER_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def result(verdict: Verdict, score: int, name: str = EXERCISE) -> ExerciseResult:
    return ExerciseResult(name, "threads", verdict, score, 100, 0.1, {"path": "x", "sha256": ""}, ())


# -- where you stand ------------------------------------------------------------------------------------------------


def lines_of(marks: dict[str, Mark], screen: Screen = ASCII) -> list[str]:
    following = CATALOG.find(EXERCISE)
    return [row for text in standing(CATALOG, marks, following, screen) for row in (text.plain.splitlines() or [""])]


def line_of(slug: str, marks: dict[str, Mark], screen: Screen = ASCII) -> str:
    return next(line for line in lines_of(marks, screen) if f" {slug}" in line)


def test_each_exercise_is_done_tried_or_open() -> None:
    marks = {"warm_caches": Mark(solved=True, tried=True, best=100), EXERCISE: Mark(tried=True, best=40)}
    assert line_of("warm_caches", marks).startswith("  done       *    warm_caches")
    assert line_of(EXERCISE, marks).startswith("> tried  40  **   file_downloader")
    assert line_of("per_thread_db", marks).startswith("  open       **   per_thread_db")


def test_a_track_tells_how_far_it_is() -> None:
    marks = {"warm_caches": Mark(solved=True), EXERCISE: Mark(tried=True)}
    assert "Threads           1 of 6 [=-....]" in lines_of(marks)


def test_what_comes_before_is_named_until_it_is_solved() -> None:
    assert line_of("settings_store", {}).endswith("after ticket_office, bounded_buffer")
    assert line_of("settings_store", {"ticket_office": Mark(solved=True)}).endswith("after bounded_buffer")
    both = {name: Mark(solved=True) for name in ("ticket_office", "bounded_buffer")}
    assert line_of("settings_store", both).endswith("Settings with transactions")


def test_a_finished_track_takes_one_line() -> None:
    (track,) = [track for track in CATALOG.tracks if track.name == "threads"]
    marks = {exercise.slug: Mark(solved=True, tried=True) for exercise in track.exercises}
    text = "\n".join(lines_of(marks))
    assert "6 of 6 [======]" in text
    assert " warm_caches " not in text


def test_the_last_line_is_the_command_to_go_on_with() -> None:
    assert lines_of({})[-1] == f"  grader watch {EXERCISE}"


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_where_you_stand_fits_the_screen_in_ascii(columns: int) -> None:
    marks = {EXERCISE: Mark(tried=True, best=40)}
    lines = lines_of(marks, Screen(columns, unicode=False))
    assert max(map(len, lines)) <= columns
    assert "\n".join(lines).isascii()


def test_when_all_is_solved_it_says_so() -> None:
    marks = {exercise.slug: Mark(solved=True) for exercise in CATALOG.exercises}
    *_, last = standing(CATALOG, marks, None, ASCII)
    assert last.plain.startswith("All exercises are solved.")


def test_the_next_exercise_builds_on_nothing_unsolved(state: Path) -> None:
    everything = {exercise.slug for exercise in CATALOG.exercises}
    progress.remember(ROOT, [result(Verdict.PASSED, 100, name) for name in ("warm_caches", EXERCISE)])
    following = progress.next_exercise(CATALOG)
    assert following is not None
    assert set(following.prerequisites) <= progress.solved(ROOT)
    progress.remember(ROOT, [result(Verdict.PASSED, 100, name) for name in everything])
    assert progress.next_exercise(CATALOG) is None


# -- progress -------------------------------------------------------------------------------------------------------


def test_the_best_score_stays(state: Path) -> None:
    for verdict, score in ((Verdict.FAILED, 50), (Verdict.FAILED, 20), (Verdict.NOT_STARTED, 0)):
        progress.remember(ROOT, [result(verdict, score)])
    assert progress.marks(ROOT)[EXERCISE] == Mark(solved=False, tried=True, best=50)


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_what_could_not_be_judged_changes_nothing(state: Path, verdict: Verdict) -> None:
    progress.remember(ROOT, [result(Verdict.PASSED, 100)])
    progress.remember(ROOT, [result(verdict, 0)])
    assert progress.marks(ROOT)[EXERCISE].solved


def test_a_stub_is_not_tried(state: Path) -> None:
    progress.remember(ROOT, [result(Verdict.NOT_STARTED, 0)])
    assert not progress.marks(ROOT)[EXERCISE].tried
    progress.remember(ROOT, [result(Verdict.FAILED, 0)])
    assert progress.marks(ROOT)[EXERCISE].tried


def test_files_of_an_older_form_are_understood(state: Path) -> None:
    state.mkdir()
    (state / "progress.json").write_text(json.dumps({EXERCISE: {"solved": False, "score": 40, "hints": 2}}))
    assert progress.marks(ROOT)[EXERCISE] == Mark(tried=True, best=40, hints=2)


@pytest.mark.parametrize(
    "entry",
    [{"solved": "yes", "score": "9", "hints": None}, {"score": -1, "best": 1e9, "hints": True}, {"verdict": 3}],
)
def test_an_entry_of_a_strange_form_is_nothing_known(state: Path, entry: Any) -> None:
    state.mkdir()
    (state / "progress.json").write_text(json.dumps({EXERCISE: entry}))
    assert progress.marks(ROOT)[EXERCISE] == Mark()
    progress.remember(ROOT, [result(Verdict.PASSED, 100)])
    assert progress.marks(ROOT)[EXERCISE].solved


def test_what_a_newer_grader_wrote_stays(state: Path) -> None:
    state.mkdir()
    newer = {"elsewhere": {"stars": [1]}, EXERCISE: {"notes": "mine"}}
    (state / "progress.json").write_text(json.dumps(newer))
    progress.remember(ROOT, [result(Verdict.PASSED, 100)])
    written = json.loads((state / "progress.json").read_text())
    assert written["elsewhere"] == newer["elsewhere"]
    assert written[EXERCISE]["notes"] == "mine"


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', "[" * 100_000], ids=["half", "list", "numbers", "deep"])
def test_a_file_that_cannot_be_understood_is_kept(state: Path, text: str) -> None:
    state.mkdir()
    (state / "progress.json").write_text(text)
    assert progress.marks(ROOT) == {}
    progress.remember(ROOT, [result(Verdict.PASSED, 100)])
    assert (state / "progress.unreadable-1.json").read_text() == text
    assert progress.solved(ROOT) == {EXERCISE}


def test_graders_side_by_side_lose_nothing(state: Path) -> None:
    names = [exercise.slug for exercise in CATALOG.exercises]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: progress.remember(ROOT, [result(Verdict.PASSED, 100, name)]), names))
    assert progress.solved(ROOT) == set(names)


# -- hints ----------------------------------------------------------------------------------------------------------


def hint(state: Path, *more: str) -> str:
    return grader("hint", EXERCISE, *more, state=state).stdout.decode()


def test_seen_hints_can_be_read_again_and_the_last_says_what_else_helps(tmp_path: Path) -> None:
    assert "No hint" in hint(tmp_path, "--again")
    first = hint(tmp_path)
    second = hint(tmp_path)
    assert hint(tmp_path, "--again") == first + second
    assert "That is the last hint" not in second
    for _ in range(2):
        last = hint(tmp_path)
        assert last.startswith("Hint 3 of 3")
        assert "grader show" in last


def test_a_hint_is_told_also_when_it_cannot_be_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = grader("hint", EXERCISE, state=tmp_path / "file")
    assert done.returncode == 0
    assert done.stdout.startswith(b"Hint 1 of 3")
    assert b"could not be remembered" in done.stderr


# -- tasks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", CATALOG.exercises, ids=lambda exercise: exercise.slug)
def test_every_task_is_readable_in_ascii_at_eighty_columns(exercise: Exercise) -> None:
    text = rendered(exercise.readme.read_text(encoding="utf-8"), ASCII)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80


# -- outputs of all kinds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["list"], ["show", EXERCISE], ["hint", EXERCISE]])
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_that_knows_few_characters_is_enough(tmp_path: Path, arguments: list[str], encoding: str) -> None:
    done = grader(*arguments, state=tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u" not in done.stdout
    assert done.stdout.isascii()


@pytest.mark.skipif(os.name == "nt", reason="a pipe that breaks is told otherwise there")
@pytest.mark.parametrize("arguments", [[], ["list"], ["list", "--json"], ["show", EXERCISE], ["hint", EXERCISE]])
def test_a_reader_that_went_away_is_no_fault(tmp_path: Path, arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "grader", *arguments]
    environment = {**os.environ, "GRADER_STATE": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="a pipe that breaks is told otherwise there")
def test_a_reader_that_went_away_changes_neither_report_nor_exit_code(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    report = tmp_path / "report.json"
    stub = CATALOG.find(EXERCISE).stub
    command = [sys.executable, "-m", "grader", "check", EXERCISE, "--submission", str(stub), "--json", str(report)]
    environment = {**os.environ, "GRADER_STATE": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=write, stderr=subprocess.PIPE, timeout=110)
    os.close(write)
    assert done.returncode == 1, done.stderr
    assert json.loads(report.read_text())["exercises"][0]["verdict"] == "not_started"


def test_what_comes_next_depends_on_the_verdict() -> None:
    exercise, following = CATALOG.find(EXERCISE), CATALOG.find("warm_caches")
    assert "`grader hint file_downloader` (2 of 3 hints left)" in after(False, exercise, following, 1)
    assert "--again" in after(False, exercise, following, 3)
    assert after(True, exercise, following, 0).startswith("Next: warm_caches.")
    assert after(True, exercise, None, 0) == "All exercises are solved."


def test_colour_is_left_out_where_nobody_wants_it(tmp_path: Path) -> None:
    for arguments in ([], ["show", EXERCISE]):
        assert b"\x1b" not in grader(*arguments, state=tmp_path).stdout


# -- reset ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path) -> Exercise:
    """A small repository with one stub in it, and a student's work in its place."""
    exercise = replace(CATALOG.find(EXERCISE), root=tmp_path / "clone")
    exercise.folder.mkdir(parents=True)
    exercise.stub.write_text("# the stub\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=exercise.root, check=True)
    exercise.stub.write_text("# my work\n")
    return exercise


def test_each_reset_keeps_the_file_under_a_name_of_its_own(clone: Exercise) -> None:
    for number in (1, 2):
        clone.stub.write_text(f"# work {number}\n")
        kept = scaffold.reset(clone)
        assert kept is not None
        assert kept.read_text() == f"# work {number}\n"
        assert clone.stub.read_text() == "# the stub\n"
    assert scaffold.reset(clone) is None


def test_resets_at_the_same_moment_lose_nothing(clone: Exercise) -> None:
    with ThreadPoolExecutor(4) as pool:
        kept = [path for path in pool.map(lambda _: scaffold.reset(clone), range(4)) if path]
    assert len(set(kept)) == len(kept)
    assert "# my work\n" in [path.read_text() for path in kept]
    assert clone.stub.read_text() == "# the stub\n"


@pytest.mark.parametrize("where", ["the copy", "the stub"])
def test_a_full_disk_leaves_the_students_file(clone: Exercise, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full) if where == "the copy" else None
    monkeypatch.setattr(scaffold, "write_atomically", full) if where == "the stub" else None
    with pytest.raises(GraderFault, match="Your file is as it was"):
        scaffold.reset(clone)
    assert [path.name for path in clone.folder.iterdir()] == [clone.stub.name]
    assert clone.stub.read_text() == "# my work\n"
