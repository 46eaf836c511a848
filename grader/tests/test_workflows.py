"""Our workflows, and the one that students get: pinned, with no more rights than they need, and without known weaknesses."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.classroom import copies

ROOT = Path(__file__).resolve().parent.parent.parent
STUDENTS = copies.TEMPLATES / "classroom.yml"
WORKFLOWS = [STUDENTS, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
NAMES = [path.name for path in WORKFLOWS]


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_actions_are_pinned_by_hash_and_named_by_version(path: Path) -> None:
    used = re.findall(r"uses: *(.*)$", path.read_text(), re.MULTILINE)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_a_workflow_may_only_read(path: Path) -> None:
    assert "permissions:\n  contents: read\n" in path.read_text()
    assert not re.search(r": *write\b", path.read_text())


def test_the_workflow_of_students_keeps_the_contract_of_github_classroom() -> None:
    text = STUDENTS.read_text()
    assert "  run-autograding-tests:\n" in text
    assert "if: github.actor != 'github-classroom[bot]'" in text
    assert re.search(r"^  push:$", text, re.MULTILINE)
    assert re.search(r"^  repository_dispatch:$", text, re.MULTILINE)
    assert re.findall(r"^ +id: (\S+)$", text, re.MULTILINE) == ["grade"]  # readers of results cannot take a hyphen


def test_zizmor_finds_nothing() -> None:
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("zizmor is not installed here: its wheel is locked for Linux on x86_64 only")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--no-exit-codes", "--format=plain", *map(str, WORKFLOWS)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "No findings to report" in done.stdout, done.stdout
