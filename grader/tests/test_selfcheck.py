"""`grader dev check` finds what is wrong with an exercise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader import odd_answers, selfcheck
from grader.catalog import Catalog
from grader.errors import GraderFault
from grader.tests.small import exercise_toml

TOML = exercise_toml()
CHECKS = """
from grader.judge import Submission, expect, kind
EXERCISE = "sums"
def test_small(submission: Submission) -> None:
    got = submission.add([1, 2])
    expect(got == 3, f"add gave {got}.", idea="Start at 0.")
def test_large(submission: Submission) -> None:
    expect(submission.add([10 ** 20, 1]) == 10 ** 20 + 1, "add lost digits.", idea="An int has no limit.")
"""
REJECTED = '''"""{what}

caught-by: {check} (failed)
says: "{says}"
misconception: {what}
"""


def add(numbers):
    return {answer}
'''
FILES = {
    "exercises/threads/track.toml": 'title = ""\nintro = ""\norder = ["sums"]',
    "exercises/threads/sums/exercise.toml": TOML,
    "exercises/threads/sums/README.md": "Write `add`.",
    "exercises/threads/sums/sums.py": "def add(numbers):\n    raise NotImplementedError  # TODO\n",
    "tests/threads/test_sums.py": CHECKS,
    "solutions/threads/sums/reference.py": "def add(numbers):\n    return sum(numbers)\n",
    "solutions/threads/sums/accepted/loop.py": (
        "def add(numbers):\n    total = 0\n    for number in numbers:\n        total += number\n    return total\n"
    ),
    "solutions/threads/sums/rejected/forgets.py": REJECTED.format(
        what="Forgets the first", check="test_small", says="add gave 2.", answer="sum(numbers) - (numbers[0] == 1)"
    ),
    "solutions/threads/sums/rejected/floats.py": REJECTED.format(
        what="Adds floats", check="test_large", says="add lost digits", answer="int(sum(map(float, numbers)))"
    ),
}
Problems = Callable[..., list[str]]
REJECT = "solutions/threads/sums/rejected/"


@pytest.fixture
def problems(tmp_path: Path) -> Problems:
    """What is wrong with the exercise after these changes: a file's new text, or None for no file."""

    def check(changes: dict[str, str | None], quick: bool = False) -> list[str]:
        for name, text in {**FILES, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        exercise = Catalog(tmp_path).find("sums")
        return selfcheck.check_exercise(exercise, 2, lambda *_: None, lambda _: None, quick)

    return check


@pytest.mark.parametrize("quick", [True, False])
def test_a_sound_exercise_has_no_problems(problems: Problems, quick: bool) -> None:
    assert problems({}, quick) == []


def test_a_sample_takes_stubs_and_references_at_least(problems: Problems, tmp_path: Path) -> None:
    assert problems({}, quick=True) == []
    exercises = [Catalog(tmp_path).find("sums")]
    for seconds, run in ((0, 2), (600, 5)):
        assert selfcheck.sample(exercises, seconds, "seed", 2, lambda *_: None) == selfcheck.Sample(run, 5, [])


def test_a_sample_finds_what_it_meets(problems: Problems, tmp_path: Path) -> None:
    wrong = FILES[REJECT + "forgets.py"].replace("sum(numbers) - (numbers[0] == 1)", "sum(numbers)")
    problems({REJECT + "forgets.py": wrong}, quick=True)
    found = selfcheck.sample([Catalog(tmp_path).find("sums")], 600, "seed", 2, lambda *_: None)
    assert found.problems == ["sums/forgets.py: passes, but should fail at test_small"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"solutions/threads/sums/reference.py": "def add(numbers):\n    return 3\n"}, "reference.py: test_large is failed"),
        ({"exercises/threads/sums/sums.py": "def add(numbers):\n    return 3  # TODO\n"}, "not as not_started"),
        ({"solutions/threads/sums/accepted/loop.py": None}, "no accepted solution"),
        ({"exercises/threads/sums/README.md": "Write it."}, "README does not mention add"),
        ({"exercises/threads/sums/notes.txt": ""}, "stray file notes.txt"),
        ({"exercises/threads/sums/exercise.toml": TOML.replace('["", "", ""]', '[""]')}, "1 hints, not 3"),
        (
            {"solutions/threads/sums/accepted/loop.py": "def add(values):\n    return sum(values)\n"},
            "the signature of add differs",
        ),
        (
            {REJECT + "forgets.py": REJECTED.format(what="-", check="test_small", says="-", answer="sum(numbers)")},
            "passes, but should fail at test_small",
        ),
        (
            {REJECT + "forgets.py": REJECTED.format(what="-", check="test_large", says="-", answer="0")},
            "fails first at test_small (failed), not at test_large",
        ),
        (
            {REJECT + "forgets.py": REJECTED.format(what="-", check="test_small", says="Too small", answer="0")},
            "does not say ('Too small',)",
        ),
        ({REJECT + "floats.py": None}, "test_large is a dead check"),
        (
            {"tests/threads/test_sums.py": CHECKS.replace("got == 3,", "sum(got.digits) == 3 if got is None else got == 3,")},
            "odd answer none: test_small is error",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(problems: Problems, changes: dict[str, str | None], words: str) -> None:
    found = problems(changes, quick="first" not in words and "odd" not in words)
    assert any(words in line for line in found), found


def test_a_header_that_promises_nothing_is_refused(problems: Problems) -> None:
    silent = FILES[REJECT + "forgets.py"].replace("says:", "tells:")
    with pytest.raises(GraderFault, match="no usable line 'says:'"):
        problems({REJECT + "forgets.py": silent}, quick=True)


def test_odd_answers_are_made_for_everything_that_a_stub_defines(tmp_path: Path) -> None:
    stub = tmp_path / "stub.py"
    stub.write_text(
        "from dataclasses import dataclass\n\n@dataclass\nclass Page:\n    url: str\n\n"
        "class Full(Exception):\n    pass\n\nclass Pool:\n    def __init__(self, size): ...\n    async def take(self): ...\n"
        "    def size(self): ...\n\nasync def run(pool): ...\n"
    )
    for _, source in odd_answers.submissions(stub):
        made: dict[str, object] = {}
        exec(compile(source, "odd.py", "exec"), made)
        assert {"Page", "Full", "Pool", "run"} <= made.keys()
    sources = dict(odd_answers.submissions(stub))
    assert "async def take(*args, **kwargs):\n        return 'odd'" in sources["text"]
    assert "url: str" in sources["none"]
