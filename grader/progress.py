"""What a student has solved and which hints they have seen; lies outside the repository's files and survives pulls."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.catalog import Catalog, Exercise, state_folder
from grader.verdict import ExerciseResult, Verdict, write_atomically

try:
    import fcntl
except ImportError:  # Windows: two commands at the very same moment may lose a mark
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Mark:
    """What is known of one exercise. `solved` is the last verdict; `best` the most points there ever were."""

    solved: bool = False
    tried: bool = False
    best: int = 0
    hints: int = 0


NOTHING = Mark()


def marks(root: Path) -> dict[str, Mark]:
    """Of every exercise that the file knows; files of older and newer forms give what can be understood."""
    try:
        data = json.loads(_file(root).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # no progress yet, or a file that cannot be read: it is only a memory aid
    return {name: _mark(entry) for name, entry in data.items() if isinstance(entry, dict)} if _is_sound(data) else {}


def _mark(entry: dict[str, Any]) -> Mark:
    solved, best = entry.get("solved") is True, max(_count(entry, "best"), _count(entry, "score"))
    verdict = entry.get("verdict")  # older files have none
    tried = solved or best > 0 or (isinstance(verdict, str) and verdict != Verdict.NOT_STARTED)
    return Mark(solved, tried, best, _count(entry, "hints"))


def _count(entry: dict[str, Any], key: str) -> int:
    value = entry.get(key)
    return value if type(value) is int and value > 0 else 0


def _is_sound(data: Any) -> bool:
    return isinstance(data, dict) and all(isinstance(entry, dict) for entry in data.values())


def _file(root: Path) -> Path:
    return state_folder(root) / "progress.json"


@contextlib.contextmanager
def _changing(root: Path) -> Iterator[dict[str, Any]]:
    """The whole file, to be changed in place. Graders side by side do so one after the other, so that nothing is lost.

    What nobody here understands stays as it is; a file that is none of ours is kept beside the new one. Raises OSError.
    """
    folder, file = state_folder(root), _file(root)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        data: Any = {}
        with contextlib.suppress(FileNotFoundError):
            text = file.read_bytes()
            try:
                data = json.loads(text)
            except (ValueError, RecursionError):
                data = None
        if not _is_sound(data):
            names = (file.with_name(f"progress.unreadable-{number}.json") for number in itertools.count(1))
            os.rename(file, next(name for name in names if not name.exists()))
            data = {}
        yield data
        write_atomically(file, json.dumps(data, indent=1, sort_keys=True) + "\n")


def remember(root: Path, results: Iterable[ExerciseResult]) -> None:
    """Raises OSError. What could not be judged leaves what is known as it is."""
    with _changing(root) as data:
        for result in results:
            if result.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
                continue
            entry = data.setdefault(result.name, {})
            entry["best"] = max(_mark(entry).best, result.score)
            entry["solved"] = result.verdict is Verdict.PASSED
            entry["score"] = result.score
            entry["verdict"] = str(result.verdict)


def solved(root: Path) -> set[str]:
    return {name for name, mark in marks(root).items() if mark.solved}


def hints_seen(exercise: Exercise) -> int:
    """How many, from the first on."""
    return min(marks(exercise.root).get(exercise.slug, NOTHING).hints, len(exercise.hints))


def saw_hint(exercise: Exercise, number: int) -> None:
    """Raises OSError."""
    with _changing(exercise.root) as data:
        entry = data.setdefault(exercise.slug, {})
        entry["hints"] = max(_count(entry, "hints"), number)


def next_hint(exercise: Exercise) -> tuple[int, str]:
    """The number (from 1) and text of the next hint, which is then seen; the last one again and again. Raises OSError."""
    number = min(hints_seen(exercise) + 1, len(exercise.hints))
    saw_hint(exercise, number)
    return number, exercise.hints[number - 1]


def next_exercise(catalog: Catalog) -> Exercise | None:
    """The first that is not solved and builds on nothing unsolved, in the order of the tracks; None if all are solved."""
    done = solved(catalog.root)
    unsolved = [exercise for exercise in catalog.exercises if exercise.slug not in done]
    ready = (exercise for exercise in unsolved if done.issuperset(exercise.prerequisites))
    return next(ready, unsolved[0] if unsolved else None)
