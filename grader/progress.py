"""What a student has solved and which hints they have seen; lies outside the repository's files and survives pulls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grader.catalog import Catalog, Exercise, state_folder
from grader.verdict import ExerciseResult, Verdict, write_atomically


def _file(root: Path) -> Path:
    return state_folder(root) / "progress.json"


def _load(root: Path) -> dict[str, Any]:
    try:
        data = json.loads(_file(root).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no progress yet, or a file that cannot be read: it is only a memory aid
    return data if isinstance(data, dict) else {}


def _save(root: Path, data: dict[str, Any]) -> None:
    write_atomically(_file(root), json.dumps(data, indent=1, sort_keys=True) + "\n")


def remember(root: Path, results: Iterable[ExerciseResult]) -> None:
    data = _load(root)
    for result in results:
        entry = data.setdefault(result.name, {})
        entry["solved"] = result.verdict is Verdict.PASSED
        entry["score"] = result.score
    _save(root, data)


def solved(root: Path) -> set[str]:
    return {name for name, entry in _load(root).items() if entry.get("solved")}


def next_hint(exercise: Exercise) -> tuple[int, str]:
    """The number (from 1) and text of the next hint; the last one is given again and again."""
    data = _load(exercise.root)
    entry = data.setdefault(exercise.slug, {})
    number = min(int(entry.get("hints", 0)) + 1, len(exercise.hints))
    entry["hints"] = number
    _save(exercise.root, data)
    return number, exercise.hints[number - 1]


def next_exercise(catalog: Catalog) -> Exercise | None:
    done = solved(catalog.root)
    return next((exercise for exercise in catalog.exercises if exercise.slug not in done), None)
