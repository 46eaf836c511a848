"""Reads track.toml and exercise.toml into frozen dataclasses; the only place where paths are built."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from grader.errors import GraderFault, UsageError

TRACK_ORDER = ("threads", "synchronisation", "processes", "asyncio", "mixing", "beyond", "debugging", "capstones")


@dataclass(frozen=True)
class Exercise:
    """One exercise. `slug` finds everything: every path below derives from `root`, `track` and `slug`."""

    root: Path
    track: str
    slug: str
    title: str
    stars: int
    minutes: int
    concepts: tuple[str, ...]
    prerequisites: tuple[str, ...]
    needs: tuple[str, ...]
    given: tuple[str, ...]
    functions: tuple[str, ...]
    seconds: float
    hints: tuple[str, ...]
    points: Mapping[str, int]

    @property
    def folder(self) -> Path:
        return self.root / "exercises" / self.track / self.slug

    @property
    def stub(self) -> Path:
        return self.folder / f"{self.slug}.py"

    @property
    def readme(self) -> Path:
        return self.folder / "README.md"

    @property
    def tests(self) -> Path:
        return self.root / "tests" / self.track / f"test_{self.slug}.py"

    @property
    def solutions(self) -> Path:
        return self.root / "solutions" / self.track / self.slug

    @property
    def reference(self) -> Path:
        return self.solutions / "reference.py"

    @property
    def accepted(self) -> tuple[Path, ...]:
        return tuple(sorted((self.solutions / "accepted").glob("*.py")))

    @property
    def rejected(self) -> tuple[Path, ...]:
        return tuple(sorted((self.solutions / "rejected").glob("*.py")))


@dataclass(frozen=True)
class Track:
    name: str
    title: str
    intro: str
    exercises: tuple[Exercise, ...]


@dataclass(frozen=True)
class Catalog:
    root: Path

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        base = self.root / "exercises"
        names = [name for name in TRACK_ORDER if (base / name / "track.toml").exists()]
        return tuple(self._track(name) for name in names)

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        return tuple(exercise for track in self.tracks for exercise in track.exercises)

    def find(self, name: str) -> Exercise:
        """The exercise of that slug. Raises UsageError that suggests the nearest name."""
        slug = name.removesuffix("/").rsplit("/", 1)[-1].removesuffix(".py")
        for exercise in self.exercises:
            if exercise.slug == slug:
                return exercise
        near = difflib.get_close_matches(slug, [e.slug for e in self.exercises], n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else "`grader list` shows all exercises."
        raise UsageError(f"There is no exercise '{name}'. {hint}")

    def _track(self, name: str) -> Track:
        data = _read(self.root / "exercises" / name / "track.toml")
        exercises = tuple(self._exercise(name, slug) for slug in data["order"])
        return Track(name, data["title"], data["intro"], exercises)

    def _exercise(self, track: str, slug: str) -> Exercise:
        path = self.root / "exercises" / track / slug / "exercise.toml"
        data = _read(path)
        try:
            lists = {
                key: tuple(data[key]) for key in ("concepts", "prerequisites", "needs", "given", "functions", "hints")
            }
            return Exercise(
                root=self.root, track=track, slug=slug, title=data["title"], stars=data["stars"],
                minutes=data["minutes"], seconds=float(data["seconds"]), points=data["points"], **lists,
            )  # fmt: skip
        except KeyError as error:
            raise GraderFault(f"{path} has no {error}. Add that line; another exercise.toml shows its form.") from error


def find_root(start: Path | None = None) -> Path:
    """The repository: the nearest folder upwards that holds `exercises/`, else the one this package lies in."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "exercises").is_dir() and (folder / "tests").is_dir():
            return folder
    own = Path(__file__).resolve().parent.parent
    if (own / "exercises").is_dir():
        return own
    raise UsageError(
        f"No exercises here: {start} and the folders above it have no 'exercises'. Go to your checkout first."
    )


def state_folder(root: Path) -> Path:
    """Where progress and remembered hints lie; not part of the repository. GRADER_STATE moves it."""
    return Path(os.environ.get("GRADER_STATE") or root / ".grader")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GraderFault(f"{path} is missing. It lists the exercise's title, points and hints.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GraderFault(f"{path} cannot be read: {error}") from error
