"""What a student has solved and which hints they have seen; lies outside the repository's files and survives pulls."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from grader.catalog import Catalog, Exercise, state_folder
from grader.verdict import ExerciseResult, Verdict, write_atomically

try:
    import fcntl
except ImportError:  # Windows: two commands at the very same moment may lose a mark
    fcntl = None  # type: ignore[assignment]


def _file(root: Path) -> Path:
    return state_folder(root) / "progress.json"


def _load(root: Path) -> dict[str, Any]:
    try:
        data = json.loads(_file(root).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no progress yet, or a file that cannot be read: it is only a memory aid
    return {name: entry for name, entry in data.items() if isinstance(entry, dict)} if isinstance(data, dict) else {}


def _save(root: Path, data: dict[str, Any]) -> None:
    write_atomically(_file(root), json.dumps(data, indent=1, sort_keys=True) + "\n")


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Graders side by side read and write the file one after the other, so that none loses what another one added."""
    folder = state_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remember(root: Path, results: Iterable[ExerciseResult]) -> None:
    """Raises OSError. What could not be judged leaves what is known as it is."""
    with _alone(root):
        data = _load(root)
        for result in results:
            if result.verdict is Verdict.ERROR:
                continue
            entry = data.setdefault(result.name, {})
            entry["solved"] = result.verdict is Verdict.PASSED
            entry["score"] = result.score
        _save(root, data)


def solved(root: Path) -> set[str]:
    return {name for name, entry in _load(root).items() if entry.get("solved")}


def next_hint(exercise: Exercise) -> tuple[int, str]:
    """The number (from 1) and text of the next hint; the last one is given again and again."""
    with _alone(exercise.root):
        data = _load(exercise.root)
        entry = data.setdefault(exercise.slug, {})
        seen = entry.get("hints")
        number = min((seen if isinstance(seen, int) else 0) + 1, len(exercise.hints))
        entry["hints"] = number
        _save(exercise.root, data)
    return number, exercise.hints[number - 1]


def next_exercise(catalog: Catalog) -> Exercise | None:
    done = solved(catalog.root)
    return next((exercise for exercise in catalog.exercises if exercise.slug not in done), None)
