"""What the submission's process gets of a check file."""

from __future__ import annotations

from pathlib import Path

from grader.judge.marks import scenarios_source

SOURCE = """from __future__ import annotations
import pytest
from grader.judge import expect
import threading
EXPECTED = 42

@scenario
def play(student):
    return student.run()

def test_secret(submission):
    expect(EXPECTED, "no")
"""


def test_only_imports_and_scenarios_are_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text(SOURCE)
    given = scenarios_source(path)
    assert "def play" in given
    assert "import threading" in given
    for secret in ("42", "test_secret", "pytest", "grader", "@scenario"):
        assert secret not in given
    assert given.splitlines().index("def play(student):") == SOURCE.splitlines().index("def play(student):")
