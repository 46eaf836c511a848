"""Flags: what differs is named, what is honest is not, and no repository can hurt whoever reads it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from grader.catalog import Catalog
from grader.classroom import flags
from grader.classroom.flags import flags_of
from grader.classroom.misconceptions import of
from grader.classroom.results import Flag, HandedIn, Person
from grader.tests import classes
from grader.verdict import ExerciseResult, Report, to_json

ROOT = Path(__file__).resolve().parents[2]
CATALOG = Catalog(ROOT)
SLUG = "per_thread_db"  # it has a given file
EXERCISE = CATALOG.find(SLUG)
TESTS = EXERCISE.tests.relative_to(ROOT)
GIVEN = (EXERCISE.folder / EXERCISE.given[0]).relative_to(ROOT)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What a student has of this exercise, unchanged."""
    folder = tmp_path / "work-ada"
    for name in (
        TESTS,
        GIVEN,
        EXERCISE.stub.relative_to(ROOT),
        GIVEN.with_name("exercise.toml"),
        Path("grader/text.py"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def flagged(repository: Path, *ends: Any, known: bool = True, **submission: Any) -> tuple[Flag, ...]:
    result = classes.result(SLUG, *ends)
    result.submission.update(submission)
    path = repository / EXERCISE.stub.relative_to(ROOT)
    return flags_of([HandedIn(Person("ada"), SLUG, path, repository)], [result], CATALOG, known)


def claim(repository: Path, score: Any, **more: Any) -> None:
    data = {"schema": "grader/report/v1", "exercises": [{"name": SLUG, "score": score, "max_score": 100, **more}]}
    (repository / "report.json").write_text(json.dumps(data))


def test_an_unchanged_repository_has_no_flags(repository: Path) -> None:
    assert flagged(repository) == ()


def test_line_ends_of_windows_are_no_change(repository: Path) -> None:
    path = repository / TESTS
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert flagged(repository) == ()


def test_what_is_missing_is_no_flag(repository: Path) -> None:
    shutil.rmtree(repository / "tests")
    assert flagged(repository) == ()


def test_changed_files_are_counted_and_named(repository: Path) -> None:
    for name in (TESTS, GIVEN, Path("grader/text.py")):
        (repository / name).write_text("pass\n")
    assert flagged(repository) == (
        Flag("changed files", SLUG, f"2 files differ from ours: {TESTS.as_posix()}, {GIVEN.as_posix()}"),
        Flag("changed files", "", "1 file differs from ours: grader/text.py"),
    )


def test_of_many_changed_files_some_are_named(repository: Path) -> None:
    for path in list((ROOT / "grader").glob("*.py"))[:9]:
        (repository / "grader" / path.name).write_text("pass\n")
    (flag,) = flagged(repository)
    assert flag.text.startswith("9 files differ")
    assert flag.text.endswith("and 4 more")


def test_a_link_is_a_change_and_is_not_followed(repository: Path) -> None:
    for name in (TESTS, Path("grader")):
        place = repository / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        place.symlink_to(ROOT / name)
    (repository / "report.json").symlink_to("/dev/zero")
    found = flagged(repository)
    assert [flag.kind for flag in found] == ["changed files", "changed files", "unreadable"]
    assert found[2].text == "report.json: it is a link."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_not_waited_for(repository: Path) -> None:
    (repository / TESTS).unlink()
    os.mkfifo(repository / TESTS)
    os.mkfifo(repository / "result.json")
    assert [flag.kind for flag in flagged(repository)] == ["changed files", "unreadable"]


@pytest.mark.parametrize(
    "content", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"a": ' + b"9" * 5000 + b"}", b" " * 5_000_000]
)
@pytest.mark.parametrize("name", ["report.json", "result.json", ".grader/progress.json"])
def test_what_cannot_be_read_is_said(repository: Path, name: str, content: bytes) -> None:
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_bytes(content)
    (flag,) = flagged(repository)
    assert flag.kind == "unreadable"
    assert flag.text.startswith(f"{name}: it is ")


@pytest.mark.parametrize(
    "data",
    [
        [], 1, None, {}, {"schema": 1}, {"schema": "grader/report/v1"}, {"schema": "grader/report/v1", "exercises": {}},
        {"schema": "grader/report/v1", "exercises": [1, {"name": []}, {"name": SLUG, "score": True, "max_score": 1}]},
        {"schema": "classroom50/result/v1", "tests": [None, {"test-name": 1}, {"test-name": SLUG, "score": 1.0}]},
        {SLUG: 1}, {SLUG: {"score": "100"}}, {SLUG: {"score": [1]}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["report.json", "result.json", ".grader/progress.json"])
def test_other_peoples_json_is_left_alone(repository: Path, name: str, data: Any) -> None:
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text(json.dumps(data))
    assert flagged(repository) == ()


def test_a_report_of_ours_that_is_true_is_no_flag(repository: Path) -> None:
    result = classes.result(SLUG, *classes.RACY)
    report = Report("2026-11-22T05:40:00Z", 0, {}, result.score, result.max_score, (result,))
    (repository / "report.json").write_text(to_json(report))
    assert flagged(repository, *classes.RACY) == ()


def test_a_claimed_score_is_compared_with_what_was_graded(repository: Path) -> None:
    claim(repository, 100)
    (flag,) = flagged(repository, *classes.RACY)
    assert flag == Flag("claimed score", SLUG, "report.json claims 100 of 100, graded here: 50.")


def test_a_claim_for_another_version_says_so(repository: Path) -> None:
    claim(repository, 100, submission={"sha256": "0" * 64})
    (flag,) = flagged(repository, *classes.RACY)
    assert flag.text.endswith("It speaks of another version of the file.")


def test_what_could_not_be_measured_there_or_here_is_no_difference(repository: Path) -> None:
    claim(repository, 100)
    assert flagged(repository, *classes.UNMEASURED) == ()
    claim(repository, 85, max_score=85)
    assert flagged(repository) == ()


@pytest.mark.parametrize("score", [-1, 101, 10**4000, -(10**4000)])
def test_an_impossible_claim_is_flagged_in_few_words(repository: Path, score: int) -> None:
    claim(repository, score)
    (flag,) = flagged(repository)
    assert len(flag.text) < 100


def test_a_claim_that_is_repeated_is_one_flag(repository: Path) -> None:
    entries = [{"name": SLUG, "score": 1, "max_score": 100}] * 1000
    (repository / "report.json").write_text(json.dumps({"schema": "grader/report/v1", "exercises": entries}))
    assert len(flagged(repository)) == 1


def test_classroom50_results_and_progress_are_claims_too(repository: Path) -> None:
    tests = [
        {"test-name": f"{SLUG}: one", "score": 60, "max-score": 60},
        {"test-name": f"{SLUG}: two", "score": 30, "max-score": 40},
    ]
    result = {"schema": "classroom50/result/v1", "score": 90, "max-score": 100, "tests": tests}
    (repository / "result.json").write_text(json.dumps(result))
    (repository / ".grader").mkdir()
    (repository / ".grader" / "progress.json").write_text(json.dumps({SLUG: {"score": 77}}))
    assert [flag.text for flag in flagged(repository)] == [
        "result.json claims 90 of 100, graded here: 100.",
        ".grader/progress.json claims 77 of 100, graded here: 100.",
    ]


def test_a_source_that_looks_at_the_grader_is_named(repository: Path) -> None:
    lines = [f"line {n}: imports \u202egc" for n in range(7)]
    (flag,) = flagged(repository, review=lines)
    assert flag.kind == "looks at the grader"
    assert "and 2 more" in flag.text
    assert "\u202e" not in flag.text


def test_who_is_not_on_the_roster_is_told_once(tmp_path: Path) -> None:
    handed = [HandedIn(Person("\u202ebo"), slug, tmp_path / f"{slug}.py") for slug in ("ticket_office", SLUG)]
    results: list[ExerciseResult] = [classes.result(one.slug) for one in handed]
    assert flags_of(handed, results, CATALOG, False) == (
        Flag("not on the roster", "", "\\u202ebo is not on the roster."),
    )
    assert flags_of(handed, results, CATALOG, True) == ()


def test_nothing_large_is_read() -> None:
    assert flags.MOST_BYTES < 10_000_000


@pytest.mark.skipif(not EXERCISE.solutions.is_dir(), reason="the solutions are not here")
def test_misconceptions_come_from_the_headers_of_rejected_files() -> None:
    found = of(EXERCISE)
    assert set(found) <= set(EXERCISE.check_names)
    assert found
    assert all(text.startswith("M") and len(texts) == len(set(texts)) for texts in found.values() for text in texts)
