"""Reads track.toml and exercise.toml into frozen dataclasses; the only place where paths are built."""

from __future__ import annotations

import ast
import difflib
import functools
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from grader.errors import GraderFault, UsageError
from grader.verdict import POINT_GROUPS, Kind

TRACK_ORDER = ("threads", "synchronisation", "processes", "asyncio", "mixing", "beyond", "debugging", "capstones")


@dataclass(frozen=True)
class Check:
    """`title`: the line that a student reads."""

    name: str
    title: str
    kind: Kind


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
    def original(self) -> Path:
        """The stub as it was given out: there only in copies made by `grader export`."""
        return self.root / "grader" / "stubs" / f"{self.slug}.py"

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
    def given_files(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in self.given)

    @property
    def judged_with(self) -> tuple[Path, ...]:
        """What a verdict depends on besides the submission and the grader; files that are missing stand here, too."""
        return (self.tests, self.folder / "exercise.toml", *self.given_files)

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, in the order of their file, as it is now."""
        state = self.tests.stat()
        return _checks_in(self.tests, state.st_mtime_ns, state.st_size)

    @property
    def check_names(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks)

    @property
    def reference(self) -> Path:
        return self.solutions / "reference.py"

    @property
    def accepted(self) -> tuple[Path, ...]:
        return tuple(sorted((self.solutions / "accepted").glob("*.py")))

    @property
    def rejected(self) -> tuple[Path, ...]:
        return tuple(sorted((self.solutions / "rejected").glob("*.py")))


@functools.lru_cache(maxsize=256)
def _checks_in(path: Path, mtime_ns: int, size: int) -> tuple[Check, ...]:
    """Of a file in this state. A regrade asks for the checks of the same file thousands of times."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
    return tuple(Check(f.name, title_of(f.name, ast.get_docstring(f)), _kind_of(f)) for f in functions)


def title_of(name: str, doc: str | None) -> str:
    """The first line of a check's docstring."""
    return (doc or name).strip().splitlines()[0].rstrip(".")


def _kind_of(check: ast.FunctionDef) -> Kind:
    """The argument of `@kind("...")`, as `judge.plugin.kind_of` sees it."""
    for decorator in check.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="kind"), args=[ast.Constant(value=str() as name)]):
                return Kind(name)
    return Kind.CORRECTNESS


@dataclass(frozen=True)
class Track:
    name: str
    title: str
    intro: str
    exercises: tuple[Exercise, ...]
    readme: Path


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
        table = _Table(self.root / "exercises" / name / "track.toml")
        exercises = tuple(self._exercise(name, slug) for slug in table.texts("order"))
        return Track(
            name, table.text("title"), table.text("intro"), exercises, self.root / "exercises" / name / "README.md"
        )

    def _exercise(self, track: str, slug: str) -> Exercise:
        table = _Table(self.root / "exercises" / track / slug / "exercise.toml")
        lists = {key: table.texts(key) for key in ("concepts", "prerequisites", "needs", "given", "functions", "hints")}
        return Exercise(
            root=self.root, track=track, slug=slug, title=table.text("title"), stars=table.whole("stars"),
            minutes=table.whole("minutes"), seconds=table.seconds("seconds"), points=table.points("points"), **lists,
        )  # fmt: skip


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


class _Table:
    """A TOML file whose values have the types that its keys need. Everything raises GraderFault that names file and key."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise GraderFault(f"{path} is missing. Bring it back; `git status` shows what was removed.") from error
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise GraderFault(f"{path} cannot be read: {error}. Mend that line.") from error

    def text(self, key: str) -> str:
        value = self._value(key)
        return value if isinstance(value, str) else self._wrong(key, "a text in quotes")

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if fits else self._wrong(key, "a list of texts")

    def whole(self, key: str) -> int:
        value = self._value(key)
        return value if type(value) is int and value > 0 else self._wrong(key, "a whole number above 0")

    def seconds(self, key: str) -> float:
        value = self._value(key)
        fits = type(value) in (int, float) and 0 < value < 86_400
        return float(value) if fits else self._wrong(key, "a number of seconds above 0")

    def points(self, key: str) -> Mapping[str, int]:
        value = self._value(key)
        if not isinstance(value, dict):
            self._wrong(key, "a table, [points]")
        for name, number in value.items():
            if name not in POINT_GROUPS:
                self._wrong(f"{key}.{name}", f"one of {', '.join(POINT_GROUPS)}")
            if type(number) is not int or number < 0:
                self._wrong(f"{key}.{name}", "a whole number of points")
        return value

    def _value(self, key: str) -> Any:
        if key not in self._data:
            raise GraderFault(f"{self._path} has no '{key}'. Add that line; another {self._path.name} shows its form.")
        return self._data[key]

    def _wrong(self, key: str, wanted: str) -> NoReturn:
        name = key.rpartition(".")[2]
        value = self._data.get("points", {}).get(name) if "." in key else self._data[key]
        raise GraderFault(
            f"{self._path}: '{key}' is {str(value)[:60]!r}, but must be {wanted}. "
            f"Mend that line; another {self._path.name} shows its form."
        )
