"""The arrows between modules point one way, as the table in grader/README.md draws them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

GRADER = Path(__file__).resolve().parent.parent
# From the bottom up: a module may import only what stands before it (and its own package).
ORDER = [
    "text", "signals", "verdict", "errors", "classroom.results", "catalog", "explore", "explore_bench", "measure", "timeline", "sandbox", "services", "judge", "review", "nursery",
    "judges", "grading", "replay", "render", "progress", "latest", "standing", "manifest", "overview", "scaffold", "odd_answers", "selfcheck", "soak", "fuzz", "demo", "watch",
    "watch_bench", "classroom", "rival_checks", "rivals", "cli_dev", "cli_learn", "cli_report", "cli_regrade", "cli_classroom", "cli_ci", "authoring", "cli", "__main__",
]  # fmt: skip
PACKAGES = {f"grader.{name.split('.')[0]}" for name in ORDER if "." in name}  # parts of them have rows of their own
FILES = [p for p in GRADER.rglob("*.py") if "tests" not in p.parts and p.name != "bootstrap.py"]


def part_of(path: Path) -> str:
    return row(".".join(path.relative_to(GRADER).with_suffix("").parts))


def row(module: str) -> str:
    """The row of a module: its own, where it has one, else its package's."""
    own = ".".join(module.split(".")[:2])
    return own if own in ORDER else module.split(".")[0]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and node.module == "grader":
            names = [f"grader.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module in PACKAGES:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {row(name.removeprefix("grader.")) for name in names if name.startswith("grader.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(GRADER).as_posix())
def test_imports_point_down(path: Path) -> None:
    own = part_of(path)
    if own == "__init__":
        return
    allowed = set(ORDER[: ORDER.index(own) + 1])
    assert imports_of(path) <= allowed


def test_the_measuring_library_knows_nothing_of_the_rest() -> None:
    for path in (GRADER / "measure").glob("*.py"):
        assert imports_of(path) <= {"measure"}


def test_the_explorer_knows_nothing_of_the_rest() -> None:
    for path in (GRADER / "explore").rglob("*.py"):
        assert imports_of(path) <= {"explore"}
