"""Two small exercises, and what somebody handed in for them."""

from __future__ import annotations

import json
from pathlib import Path

from grader.tests.small import exercise_toml

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


def make_checkout(root: Path) -> Path:
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


def put(path: Path, text: str = WRONG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
