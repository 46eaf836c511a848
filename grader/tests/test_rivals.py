"""The comparison with other graders asks all of them the same, and sees what is wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from grader import rival_checks, rivals
from grader.catalog import Catalog, find_root
from grader.selfcheck import header

EXERCISE = Catalog(find_root()).find(rivals.SLUG)
CAUGHT = [(name, path) for path in EXERCISE.rejected for name in header(path).caught_by if name in rivals.CHECKS]


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("student", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_plain_checks_have_the_names_of_ours() -> None:
    assert set(rivals.CHECKS) <= set(EXERCISE.check_names)


@pytest.mark.parametrize("path", [EXERCISE.reference, *EXERCISE.accepted], ids=lambda path: path.stem)
def test_right_submissions_pass_the_plain_checks(path: Path) -> None:
    student = module(path)
    for check in rival_checks.CHECKS:
        check(student)


def test_each_plain_check_has_something_to_catch() -> None:
    assert {name for name, _ in CAUGHT} == set(rivals.CHECKS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("name", "path"), CAUGHT, ids=lambda value: getattr(value, "stem", ""))
def test_a_plain_check_catches_what_ours_catches(name: str, path: Path) -> None:
    check, student = getattr(rival_checks, name.removeprefix("test_")), module(path)
    try:
        check(student)
    except Exception:
        return
    pytest.fail("It passed.")
