"""The command line, end to end on the real exercises."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from grader.catalog import Catalog, find_root

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = "file_downloader"


def grader(*arguments: str | Path, cwd: Path = ROOT, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    import os

    environment = {**os.environ, "GRADER_STATE": str(state or cwd / ".grader"), "COLUMNS": "80"}
    command = [sys.executable, "-m", "grader", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=110)


def assert_no_traceback(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "file_downlaoder"], "Did you mean 'file_downloader'?"),
        (["check", EXERCISE, "--submission", "nowhere.py"], "There is no file"),
        (["check", EXERCISE, "--submission", "exercises"], "is a folder"),
        (["check", "--submission", "x.py", EXERCISE, "parallel_sum"], "name one exercise"),
        (["chekc"], "No such command"),
    ],
)
def test_wrong_usage_exits_with_two_and_a_clear_line(arguments: list[str], words: str) -> None:
    done = grader(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert_no_traceback(done)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "is empty"),
        (b"def download_all(urls, dest\n", "SyntaxError"),
        (b"name = 'caf\xe9'\n", "SyntaxError"),
        (b"import no_such_package\n", "no_such_package"),
        (b"def other(): pass\n", "has no 'download_all'"),
        (b"def download_all(): return []\n", "The signature differs"),
        (b"raise SystemExit(0)\n", "SystemExit"),
        (b"import os\nos._exit(0)\n", "exit code 0"),
    ],
)
def test_a_broken_file_fails_with_its_reason(tmp_path: Path, source: bytes, words: str) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(source)
    done = grader("check", EXERCISE, "--submission", path, state=tmp_path)
    assert done.returncode == 1
    assert words in done.stdout
    assert_no_traceback(done)


def test_the_report_follows_its_schema_and_junit_agrees(tmp_path: Path) -> None:
    stub = Catalog(ROOT).find(EXERCISE).stub
    done = grader(
        "check",
        EXERCISE,
        "--submission",
        stub,
        "--json",
        tmp_path / "report.json",
        "--junit",
        tmp_path / "report.xml",
        state=tmp_path,
    )
    assert done.returncode == 1
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "grader/report.schema.json").read_text()))
    (exercise,) = report["exercises"]
    assert exercise["verdict"] == "not_started"
    assert report["score"] == 0
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()[0]
    assert int(suite.attrib["tests"]) == len(exercise["checks"])


def test_the_last_report_is_shown_again_in_every_form(tmp_path: Path) -> None:
    submission = ROOT / "solutions/synchronisation/ticket_office/rejected/check_outside.py"
    checked = grader(
        "check", "ticket_office", "--submission", submission, "--html", tmp_path / "checked.html", state=tmp_path
    )
    assert checked.returncode == 1
    shown = grader(
        "report", "--html", tmp_path / "page.html", "--trace", tmp_path / "trace.json", "--json", tmp_path / "r.json",
        state=tmp_path,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    page = (tmp_path / "page.html").read_text()
    assert page == (tmp_path / "checked.html").read_text()
    assert "Two buyers got the last seat." in page
    assert page.count('class="lanes"') == 2
    assert "def reserve" not in page  # it is there, highlighted
    assert '<span class="kw">def</span> reserve(' in page
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert "buyer 1" in [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    again = grader("report", state=tmp_path)
    assert again.stdout == checked.stdout


@pytest.mark.parametrize(
    ("kept", "words"), [(None, "Nothing was checked here yet"), ("{}", "cannot be read"), ("[[", "cannot be read")]
)
def test_without_a_last_report_it_says_what_to_do(tmp_path: Path, kept: str | None, words: str) -> None:
    if kept is not None:
        (tmp_path / "report.json").write_text(kept)
    done = grader("report", state=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "grader check NAME" in done.stderr
    assert_no_traceback(done)


def test_reset_keeps_the_students_file(tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    for name in ("exercises", "tests"):
        shutil.copytree(ROOT / name, copy / name)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], cwd=copy, check=True)
    stub = Catalog(copy).find(EXERCISE).stub
    original = stub.read_text()
    stub.write_text("# my work\n")
    done = grader("reset", EXERCISE, cwd=copy)
    assert done.returncode == 0, done.stderr
    assert stub.read_text() == original
    assert (stub.parent / f"{EXERCISE}.mine-1.txt").read_text() == "# my work\n"


def test_hints_come_one_after_the_other(tmp_path: Path) -> None:
    numbers = [grader("hint", EXERCISE, state=tmp_path).stdout.split(":")[0] for _ in range(4)]
    assert numbers == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]


def test_the_list_names_every_exercise(tmp_path: Path) -> None:
    done = grader("list", "--json", state=tmp_path)
    assert [entry["name"] for entry in json.loads(done.stdout)] == [e.slug for e in Catalog(find_root(ROOT)).exercises]


def test_plain_pytest_shows_the_same_message(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def download_all(*args, **kwargs): return None\n")
    test = f"tests/threads/test_{EXERCISE}.py"
    command = [
        sys.executable,
        "-m",
        "pytest",
        test,
        "-q",
        "-n",
        "2",
        "--submission",
        str(path),
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 1
    assert "a list of Download objects was expected" in done.stdout
    assert_no_traceback(done)


def test_debug_stops_at_a_breakpoint(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def download_all(*args, **kwargs):\n    answer = 41 + 1\n    breakpoint()\n    return []\n")
    command = [sys.executable, "-m", "grader", "check", EXERCISE, "--submission", str(path), "--debug"]
    # Editors find their breakpoints by the file's real path; pdb tells which file it stands in.
    typed = "p 'the answer is', answer\nimport os\np os.path.realpath(__file__)\nq\n"
    done = subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, timeout=110)
    assert "('the answer is', 42)" in done.stdout
    assert repr(str(path)) in done.stdout
    assert "You have left the debugger" in done.stdout
    assert "FAILED" not in done.stdout
    assert done.returncode == 0


def test_debug_leaves_breakpoints_out_where_schedules_are_explored(tmp_path: Path) -> None:
    reference = (ROOT / "solutions/synchronisation/ticket_office/reference.py").read_text()
    path = tmp_path / "mine.py"
    stop = (
        "        if threading.current_thread().name.startswith('buyer'):\n            breakpoint()\n        _check(n)\n"
    )
    path.write_text(reference.replace("        _check(n)\n", stop, 1))
    command = [sys.executable, "-m", "grader", "check", "ticket_office", "--submission", str(path), "--debug"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110)
    assert done.stdout.count("breakpoint() is left out where schedules are explored") >= 1
    assert "(Pdb)" not in done.stdout
    assert done.returncode == 0
