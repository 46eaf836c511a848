"""A checkout tells which files of the release were changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import manifest
from grader.catalog import Catalog
from grader.errors import UsageError
from grader.tests.test_own_faults import RIGHT, TOML

CHECK = """
from grader.judge import Submission, expect
EXERCISE = "tiny"
def test_add(submission: Submission) -> None:
    expect(submission.add(1, 2) == 3, "1 + 2 is not 3.")
"""
FILES = {
    "exercises/threads/track.toml": 'title = ""\nintro = ""\norder = ["tiny"]',
    "exercises/threads/tiny/exercise.toml": TOML.replace("given = []", 'given = ["data.txt"]'),
    "exercises/threads/tiny/README.md": "Write `add`.",
    "exercises/threads/tiny/data.txt": "1\n2\n",
    "exercises/threads/tiny/tiny.py": RIGHT,
    "tests/threads/test_tiny.py": CHECK,
    "grader/engine.py": "",
    "pyproject.toml": "",
}


@pytest.fixture
def released(tmp_path: Path) -> Catalog:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    catalog = Catalog(tmp_path)
    manifest.path_of(tmp_path).write_text(manifest.written(catalog))
    return catalog


def test_what_was_released_has_no_differences(released: Catalog) -> None:
    assert manifest.differences(released) == []


def test_without_a_manifest_nothing_is_said(released: Catalog) -> None:
    manifest.path_of(released.root).unlink()
    (released.root / "tests/threads/test_tiny.py").write_text("")
    assert manifest.differences(released) == []


@pytest.mark.parametrize(
    ("name", "change", "difference"),
    [
        ("tests/threads/test_tiny.py", lambda path: path.write_text(""), ["changed tests/threads/test_tiny.py"]),
        ("tests/threads/test_tiny.py", lambda path: path.unlink(), ["missing tests/threads/test_tiny.py"]),
        ("tests/conftest.py", lambda path: path.write_text(""), ["added tests/conftest.py"]),
        ("grader/engine.py", lambda path: path.write_text("x = 1"), ["changed grader/engine.py"]),
        ("exercises/threads/tiny/data.txt", lambda path: path.write_text("3"), ["changed exercises/threads/tiny/data.txt"]),
        ("exercises/threads/tiny/exercise.toml", lambda p: p.write_text(""), ["changed exercises/threads/tiny/exercise.toml"]),
        ("exercises/threads/tiny/tiny.py", lambda path: path.write_text("# mine"), []),
        ("exercises/threads/tiny/tiny.1.py", lambda path: path.write_text("# older"), []),
        ("exercises/threads/tiny/notes.md", lambda path: path.write_text("mine"), []),
        ("exercises/threads/tiny/data.txt", lambda path: path.write_bytes(b"1\r\n2\r\n"), []),
    ],
)  # fmt: skip
def test_a_change_is_named_unless_it_is_the_students_own(
    released: Catalog, name: str, change: Callable[[Path], object], difference: list[str]
) -> None:
    change(released.root / name)
    assert manifest.differences(released) == difference


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', "\x00"])
def test_a_broken_manifest_is_named(released: Catalog, text: str) -> None:
    manifest.path_of(released.root).write_text(text)
    with pytest.raises(UsageError, match=r"manifest\.json cannot be read"):
        manifest.differences(released)


def test_a_check_tells_the_changes_and_goes_on(released: Catalog, tmp_path: Path) -> None:
    test = released.root / "tests/threads/test_tiny.py"
    test.write_text(CHECK.replace("== 3", "> 0"))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "grader", "check", "tiny", "--json", "report.json"],
        cwd=released.root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "1 file of the release differs: tests/threads/test_tiny.py (changed)" in done.stderr
    report = json.loads((released.root / "report.json").read_text())
    assert report["environment"]["differences"] == ["changed tests/threads/test_tiny.py"]
