"""Which files count as not started."""

from __future__ import annotations

import pytest

from grader.catalog import Catalog, find_root
from grader.judge.expectations import is_untouched

CATALOG = Catalog(find_root())


@pytest.mark.parametrize("slug", [e.slug for e in CATALOG.exercises])
def test_the_reference_of_every_exercise_is_started(slug: str) -> None:
    exercise = CATALOG.find(slug)
    assert not is_untouched(exercise.reference.read_bytes(), exercise.functions)


@pytest.mark.parametrize("slug", [e.slug for e in CATALOG.exercises])
def test_the_stub_of_every_exercise_is_not_started(slug: str) -> None:
    exercise = CATALOG.find(slug)
    assert is_untouched(exercise.stub.read_bytes(), exercise.functions)


@pytest.mark.parametrize(
    ("source", "untouched"),
    [
        (b'def run():\n    """Task."""\n    # TODO\n    raise NotImplementedError\n', True),
        (b"async def run():\n    raise NotImplementedError\n", True),
        (b"def run():\n    raise NotImplementedError\n    yield\n", True),
        (b"def run():\n    yield\n", False),
        (b"def run():\n    x = 1\n    raise NotImplementedError\n", False),
        (b"def run():\n    return 1\n", False),
        (b"def other():\n    raise NotImplementedError\n", False),
        (b"def run(\n", False),
        (b"\xff", False),
    ],
)
def test_only_a_bare_stub_is_untouched(source: bytes, untouched: bool) -> None:
    assert is_untouched(source, ("run",)) is untouched


def test_one_written_function_is_a_start() -> None:
    source = b"def run():\n    raise NotImplementedError\ndef more():\n    return 1\n"
    assert not is_untouched(source, ("run", "more"))
