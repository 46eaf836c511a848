"""`grader export student`: a repository that works, holds no solutions, and can be brought up to date over a student's work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from grader import manifest
from grader.catalog import Catalog, Exercise
from grader.classroom import copies, reduced
from grader.classroom.update import update
from grader.cli_classroom import student
from grader.errors import UsageError
from grader.tests.installed import install
from grader.tests.installed import run as run_there
from grader.tests.test_modules import imports_of

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOG = Catalog(ROOT)
FEW = copies.chosen(CATALOG, ["ticket_office", "warm_caches", "per_thread_db"], None)
STUB = "exercises/synchronisation/ticket_office/ticket_office.py"
SUBSTANCE = 12  # characters; shorter lines (`try:`, `return None`) say nothing
DISTINCT = 48  # characters of a line that nobody writes twice by chance, imports apart
RUN = 80  # characters of lines in a row that nobody writes twice by chance: four lines start and join threads


@pytest.fixture(scope="session")
def everything() -> copies.Files:
    return copies.student(CATALOG, CATALOG.exercises)


@pytest.fixture(scope="session")
def few() -> copies.Files:
    return copies.student(CATALOG, FEW)


@pytest.fixture
def copy(tmp_path: Path, few: copies.Files) -> Path:
    target = tmp_path / "copy"
    update(target, few, copies.is_students)
    return target


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The grader of the copy, by the Python that runs these tests."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(
        [sys.executable, "-m", "grader", *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )


# No solutions


def solutions(exercise: Exercise) -> tuple[Path, ...]:
    return (exercise.reference, *exercise.accepted, *exercise.rejected)


def lines(path: Path) -> list[str]:
    return told(path.read_text(encoding="utf-8"))


def told(text: str) -> list[str]:
    """Its lines of substance."""
    return [line for raw in text.splitlines() if len(line := raw.strip()) >= SUBSTANCE]


def pieces(found: list[str]) -> Iterator[tuple[str, ...]]:
    """Long lines, and from each line on as many in a row as make up a piece that can be recognised."""
    yield from ((line,) for line in found if len(line) > DISTINCT and not line.startswith(("import ", "from ")))
    for start in range(len(found)):
        for end in range(start + 2, len(found) + 1):
            if sum(map(len, found[start:end])) > RUN:
                yield tuple(found[start:end])
                break


def secrets(exercise: Exercise) -> set[tuple[str, ...]]:
    """Pieces of solutions that no copy may hold.

    What also stands in the stub, the given files, the README, the settings or the checks of that exercise is no secret. Nor is a short line
    alone: `except BaseException:` and `self._lock = threading.Lock()` stand in the grader as well.
    """
    given = (exercise.folder / name for name in exercise.given)
    shown = (exercise.stub, exercise.readme, exercise.folder / "exercise.toml", exercise.tests, *given)
    public = {line for path in shown for line in lines(path)}
    return {piece for path in solutions(exercise) for piece in pieces(lines(path)) if not public.intersection(piece)}


@pytest.fixture(scope="session")
def published(everything: copies.Files) -> set[tuple[str, ...]]:
    return {piece for content in everything.values() for piece in pieces(told(content.decode()))}


@pytest.mark.parametrize("exercise", CATALOG.exercises, ids=lambda e: e.slug)
def test_nothing_of_a_solution_is_in_a_copy(published: set[tuple[str, ...]], exercise: Exercise) -> None:
    assert not secrets(exercise) & published


@pytest.mark.parametrize("exercise", CATALOG.exercises, ids=lambda e: e.slug)
def test_the_search_finds_a_solution_where_there_is_one(exercise: Exercise) -> None:
    assert len(secrets(exercise) & set(pieces(lines(exercise.reference)))) > 10


@pytest.mark.parametrize("exercise", CATALOG.exercises, ids=lambda e: e.slug)
def test_no_header_of_a_solution_is_in_a_copy(everything: copies.Files, exercise: Exercise) -> None:
    text = "\n".join(content.decode() for content in everything.values())
    assert exercise.rejected
    assert not re.search(r"^(caught-by|misconception):", text, re.MULTILINE)
    assert not [path.name for path in solutions(exercise) if path.name in text and path.name != "reference.py"]
    hints = (exercise.folder / "exercise.toml").read_text(
        encoding="utf-8"
    )  # the last one may say it all, for whoever asks
    headers = {path.read_text(encoding="utf-8").splitlines()[0].strip('" ') for path in solutions(exercise)}
    assert not [header for header in headers if header in text.replace(hints, "")]


def test_no_folder_of_solutions_is_in_a_copy(everything: copies.Files) -> None:
    parts = {part for name in everything for part in name.split("/")}
    assert not parts & {"solutions", "accepted", "rejected", "reference.py", "attacks", "corpus"}
    assert "grader/tests/" not in "\n".join(everything)


# It works


@pytest.mark.parametrize("exercise", CATALOG.exercises, ids=lambda e: e.slug)
def test_links_of_a_copy_of_one_exercise_lead_somewhere(exercise: Exercise) -> None:
    files = copies.student(CATALOG, [exercise])
    for name, content in files.items():
        for link in re.findall(r"\]\(([^)#]+)\)", content.decode()) if name.endswith(".md") else ():
            assert os.path.normpath(Path(name).parent / link) in files, f"{name}: {link}"


def test_modules_of_a_copy_import_no_module_that_it_lacks(everything: copies.Files) -> None:
    here = {name.split("/")[1].removesuffix(".py") for name in everything if name.startswith("grader/")}
    for name in everything:
        if name.startswith("grader/") and name.endswith(".py"):
            assert imports_of(ROOT / name) <= here if (ROOT / name).exists() else True, name
    reporters = {name.removeprefix("grader/classroom/") for name in everything if name.startswith("grader/classroom/")}
    assert reporters == set(copies.REPORTERS)


def test_a_copy_holds_the_exercises_asked_for_in_their_order(copy: Path) -> None:
    assert [e.slug for e in Catalog(copy).exercises] == ["warm_caches", "per_thread_db", "ticket_office"]
    assert (copy / "exercises/threads/per_thread_db/connections.py").exists()
    assert not (copy / "exercises/asyncio").exists()


def test_the_two_commands_of_its_readme_work(copy: Path) -> None:
    install(copy)
    python = [sys.executable, "grader/bootstrap.py"]
    assert [line for line in (copy / "README.md").read_text().splitlines() if "bootstrap.py" in line] == [
        "python3 grader/bootstrap.py", "python3 grader/bootstrap.py check warm_caches"
    ]  # fmt: skip
    assert "warm_caches" in run_there(copy, python).stdout
    (copy / STUB).write_text((FEW[-1].solutions / "rejected" / "no_argument_checks.py").read_text())
    done = run_there(copy, [*python, "check", "ticket_office"])
    assert (done.returncode, done.stderr) == (1, "")
    assert "ticket_office: failed" in done.stdout


def test_a_stub_of_a_copy_is_not_started(copy: Path) -> None:
    done = run(copy, "check", "ticket_office")
    assert (done.returncode, done.stderr) == (1, "")
    assert "not started" in done.stdout


@pytest.mark.parametrize(
    "arguments", [("demo",), ("dev", "check"), ("export", "student", "elsewhere", "--track", "threads")]
)
def test_commands_of_authors_say_where_they_belong(copy: Path, arguments: tuple[str, ...]) -> None:
    done = run(copy, *arguments)
    assert done.returncode == 2
    assert "belongs to the authors' repository" in done.stderr


def test_the_help_of_a_copy_names_no_command_of_authors(copy: Path) -> None:
    assert re.findall(r"^  (check|demo|dev|export) ", run(copy, "--help").stdout, re.MULTILINE) == ["check"]


def test_reset_works_without_git(copy: Path) -> None:
    (copy / STUB).write_text("mine = 1\n")
    assert run(copy, "reset", "ticket_office").returncode == 0
    assert (copy / STUB).read_bytes() == (ROOT / STUB).read_bytes()
    assert (copy / STUB).with_name("ticket_office.mine-1.txt").read_text() == "mine = 1\n"


def test_reset_works_in_a_repository_that_begins_with_the_copy(copy: Path) -> None:
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "Begin"],
    ):
        subprocess.run(["git", *command], cwd=copy, check=True)
    (copy / STUB).unlink()
    assert run(copy, "reset", "ticket_office").returncode == 0
    assert (copy / STUB).read_bytes() == (ROOT / STUB).read_bytes()


def test_the_lock_file_of_a_copy_has_what_its_settings_need_and_no_tools_of_authors(everything: copies.Files) -> None:
    settings, lock = everything["pyproject.toml"].decode(), everything["requirements.lock"].decode()
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert reduced.lock(lock, settings) == lock
    assert {"aiohttp", "click", "numpy", "psutil", "pytest", "requests", "rich", "setuptools", "wheel"} <= pinned
    assert not pinned & {"mypy", "ruff", "hypothesis", "jsonschema"}
    assert "dependency-groups" not in settings
    assert "[tool.ruff" not in settings


# Its manifest


def test_a_new_copy_has_no_differences(copy: Path) -> None:
    assert manifest.differences(Catalog(copy)) == []


def test_a_changed_check_of_a_copy_is_named_and_a_changed_stub_is_not(copy: Path) -> None:
    (copy / STUB).write_text("mine = 1\n")
    (copy / "tests/threads/test_warm_caches.py").write_text("")
    assert manifest.differences(Catalog(copy)) == ["changed tests/threads/test_warm_caches.py"]


# Bringing it up to date


def with_change(name: str, content: bytes) -> copies.Files:
    """The copy of a later release."""
    files = copies.student(CATALOG, FEW)
    return copies.with_manifest({**files, name: content}, ROOT, FEW)


def test_again_changes_nothing(copy: Path) -> None:
    changes = update(copy, copies.student(CATALOG, FEW), copies.is_students)
    assert (changes.new, changes.updated, changes.removed, changes.kept) == ((), (), (), ())


def test_a_stub_that_a_student_changed_is_kept_and_one_that_nobody_touched_is_updated(copy: Path) -> None:
    other = "exercises/threads/warm_caches/warm_caches.py"
    (copy / STUB).write_text("mine = 1\n")
    files = copies.with_manifest({**with_change(STUB, b"# newer\n"), other: b"# newer\n"}, ROOT, FEW)
    changes = update(copy, files, copies.is_students)
    assert (changes.kept, changes.updated) == ((STUB,), (other,))
    assert (copy / STUB).read_text() == "mine = 1\n"
    again = update(copy, with_change(STUB, b"# still newer\n"), copies.is_students)
    assert STUB in again.kept


def test_checks_and_grader_are_replaced_whoever_changed_them(copy: Path) -> None:
    for name in (
        "tests/threads/test_warm_caches.py",
        "grader/verdict.py",
        "exercises/threads/per_thread_db/connections.py",
    ):
        (copy / name).write_text("# mine\n")
    changes = update(copy, copies.student(CATALOG, FEW), copies.is_students)
    assert len(changes.updated) == 3
    assert manifest.differences(Catalog(copy)) == []


def test_new_exercises_appear_and_removed_ones_go_but_not_with_a_students_work(copy: Path) -> None:
    (copy / STUB).write_text("mine = 1\n")
    (copy / "exercises/threads/warm_caches/notes.txt").write_text("mine")
    later = copies.chosen(CATALOG, ["per_thread_db", "bounded_buffer"], None)
    changes = update(copy, copies.student(CATALOG, later), copies.is_students)
    assert "exercises/synchronisation/bounded_buffer/bounded_buffer.py" in changes.new
    assert "exercises/threads/warm_caches/warm_caches.py" in changes.removed
    assert changes.kept == (STUB,)
    assert sorted(p.name for p in (copy / "exercises/threads/warm_caches").iterdir()) == ["notes.txt"]
    assert not (copy / "tests/synchronisation/test_ticket_office.py").exists()
    assert [e.slug for e in Catalog(copy).exercises] == ["per_thread_db", "bounded_buffer"]
    assert manifest.differences(Catalog(copy)) == []


def test_an_own_file_with_the_name_of_a_new_one_is_kept_beside_it(copy: Path) -> None:
    helpers, kept = "exercises/threads/warm_caches/helpers.py", "exercises/threads/warm_caches/helpers.mine-1.txt"
    (copy / helpers).write_text("mine = 1\n")
    changes = update(copy, with_change(helpers, b"# given\n"), copies.is_students)
    assert (changes.beside, changes.updated, changes.kept) == ((kept,), (helpers,), ())
    assert ((copy / helpers).read_text(), (copy / kept).read_text()) == ("# given\n", "mine = 1\n")
    later = update(copy, with_change(helpers, b"# given, newer\n"), copies.is_students)
    assert (later.beside, later.updated) == ((), (helpers,))


def test_the_command_tells_where_an_own_workflow_is_now(tmp_path: Path) -> None:
    command = [str(tmp_path / "course"), "--exercises", "ticket_office"]
    CliRunner().invoke(student, [*command, "--no-workflow"], obj=CATALOG)
    (tmp_path / "course" / copies.WORKFLOW).parent.mkdir(parents=True)
    (tmp_path / "course" / copies.WORKFLOW).write_text("on: push\n")
    result = CliRunner().invoke(student, [*command, "--workflow"], obj=CATALOG)
    assert "  your own file of that name is now: .github/workflows/classroom.mine-1.txt\n" in result.output


def test_an_update_that_was_stopped_is_finished_by_the_next_one(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = copies.student(CATALOG, copies.chosen(CATALOG, ["per_thread_db"], None))
    with monkeypatch.context() as stopped:
        stopped.setattr(Path, "unlink", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            update(copy, later, copies.is_students)
    assert (copy / "tests/threads/test_warm_caches.py").exists()
    assert "tests/threads/test_warm_caches.py" in update(copy, later, copies.is_students).removed
    assert manifest.differences(Catalog(copy)) == []


def test_a_copy_that_is_brought_up_to_date_keeps_its_exercises_and_stays_without_a_workflow(tmp_path: Path) -> None:
    target = tmp_path / "course"

    def export(*options: str) -> tuple[list[str], bool]:
        result = CliRunner().invoke(student, [str(target), *options], obj=CATALOG)
        assert result.exit_code == 0, result.output
        return [e.slug for e in Catalog(target).exercises], (target / copies.WORKFLOW).exists()

    assert export("--exercises", "warm_caches,ticket_office", "--no-workflow") == (
        ["warm_caches", "ticket_office"],
        False,
    )
    assert export() == (["warm_caches", "ticket_office"], False)
    assert export("--exercises", "bounded_buffer", "--workflow") == (["bounded_buffer"], True)
    assert export() == (["bounded_buffer"], True)


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        update(tmp_path, copies.student(CATALOG, FEW), copies.is_students)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "away/outside.txt", "exercises/../../outside.txt"])
def test_a_manifest_cannot_make_an_update_leave_the_folder(copy: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not yours")
    (copy / "away").symlink_to(tmp_path)
    path = manifest.path_of(copy)
    data = json.loads(path.read_text())
    data["files"][name] = manifest.digest(outside.read_bytes())
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="leads out"):
        update(copy, copies.student(CATALOG, FEW), copies.is_students)
    assert outside.read_text() == "not yours"


def test_a_link_in_a_copy_is_replaced_and_not_followed(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not yours")
    for name in ("pyproject.toml", STUB):
        (copy / name).unlink()
        (copy / name).symlink_to(outside)
    update(copy, copies.student(CATALOG, FEW), copies.is_students)
    assert outside.read_text() == "not yours"
    assert not (copy / "pyproject.toml").is_symlink()


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}'])
def test_a_broken_manifest_is_refused(copy: Path, text: str) -> None:
    manifest.path_of(copy).write_text(text)
    with pytest.raises(UsageError, match="no manifest of a copy"):
        update(copy, copies.student(CATALOG, FEW), copies.is_students)


def test_the_command_tells_what_it_did(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "grader",
        "export",
        "student",
        str(tmp_path / "copy"),
        "--exercises",
        "ticket_office",
    ]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert first.returncode == 0
    assert re.search(r"copy: 1 exercise, \d+ files new, 0 updated, 0 removed, 0 kept", first.stdout)
    (tmp_path / "copy" / STUB).write_text("mine = 1\n")
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "0 files new, 0 updated, 0 removed, 1 kept because they were changed there" in again.stdout
    assert f"kept: {STUB}" in again.stdout


@pytest.mark.parametrize(
    ("names", "track", "says"),
    [
        (["ticket_offic"], None, "Did you mean 'ticket_office'?"),
        ([], "nowhere", "There is no track 'nowhere'"),
        (["ticket_office"], "threads", "is not in the track threads"),
    ],
)
def test_a_wrong_choice_is_named(names: list[str], track: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        copies.chosen(CATALOG, names, track)
