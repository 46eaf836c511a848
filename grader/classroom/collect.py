"""Finds what was handed in: repositories, folders, files and zips, each of which belongs to a person.

All of it is hostile: no link is followed, a name decides nothing about other people's work, and what one person's entry
does not allow is told and costs only that person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.catalog import Catalog, Exercise
from grader.classroom.archives import IGNORED, Budget, Damaged, unpack
from grader.classroom.results import HandedIn, Person
from grader.classroom.roster import Owner, Roster
from grader.errors import UsageError
from grader.text import visible

# Moodle's folders are "Ada Lovelace_123_assignsubmission_file_"; Canvas's files "lovelaceada_LATE_123_456_ticket_office-2.py".
MOODLE = re.compile(r"(?P<who>.+)_(?P<number>\d+)_assignsubmission_[a-z]+_?(?P<rest>.*)")
CANVAS = re.compile(r"(?P<who>.+?)(?:_LATE)?_(?P<number>\d+)_\d+_(?P<rest>.+)")
AGAIN = re.compile(r"(?:-\d+| \(\d+\))?$")  # what learning platforms and browsers add to a second file of that name
COPY = re.compile(r" \(\d+\)$")
ARCHIVES = {".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz"}
NAMED = 4  # files in one note


@dataclass(frozen=True)
class Problem:
    """What somebody handed in cannot be read. `is_ours`: perhaps for a reason that is none of theirs."""

    person: Person
    text: str
    is_ours: bool = False


@dataclass(frozen=True)
class _Found:
    """One file for an exercise. `rank`: the lowest counts."""

    slug: str
    path: Path
    rank: tuple[bool, int, int, str]  # its name is longer, folders above it, which upload (negative), its path
    repository: Path | None = None


@dataclass(frozen=True)
class _Entry:
    """What one name in the folder stands for. `named`: a file whose exercise its own name tells."""

    owner: Owner
    path: Path
    named: str | None = None


class Collector:
    """`unpacked`: a folder for the contents of zips. `notes` tells what could not be used, and why; `problems`, whose that was."""

    def __init__(
        self, catalog: Catalog, exercises: Sequence[Exercise], unpacked: Path, roster: Sequence[Person]
    ) -> None:
        self._root, self._unpacked = catalog.root, unpacked
        self._exercises = {exercise.slug: exercise for exercise in exercises}
        self._slugs = {slug.casefold(): slug for slug in self._exercises}
        self._roster = Roster(roster)
        self.notes: list[str] = []
        self.problems: list[Problem] = []

    def collect(self, folder: Path) -> list[HandedIn]:
        """One file for each person and exercise, in the order of names. Raises UsageError for what is no folder."""
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}. Name the folder that holds what was handed in.")
        entries = list(self._entries(self._people_in(folder), self.notes))
        people = self._roster.people_of(dict.fromkeys(entry.owner for entry in entries))
        found: dict[tuple[Person, str], list[_Found]] = defaultdict(list)
        for entry in entries:
            person = people[entry.owner]
            for one in self._in_entry(entry, person):
                found[person, one.slug].append(one)
        handed = [self._best(person, files) for (person, _), files in found.items()]
        return sorted(handed, key=lambda one: (one.person.identifier.lower(), one.slug))

    # -- whose it is ---------------------------------------------------------------------------------------------------

    def _entries(self, folder: Path, notes: list[str]) -> Iterator[_Entry]:
        """`notes` gets what was not used."""
        if _is_repository(folder):
            yield _Entry(Owner(folder.name, folder.name), folder)
            return
        for path in _inside(folder):
            if path.is_dir():
                match = MOODLE.fullmatch(path.name)
                yield _Entry(_owner(path.name, match), path)
            elif _ending(path) in (".py", ".zip"):
                if isinstance(entry := self._entry_of_file(path), _Entry):
                    yield entry
                else:
                    notes.append(f"{_shown(path)} {entry}")
            elif _ending(path) in ARCHIVES:
                notes.append(f"{_shown(path)} was not looked at: unpack it into a folder with its owner's name.")

    def _entry_of_file(self, path: Path) -> _Entry | str:
        """A Python file or a zip; or why it is nobody's."""
        moodle = MOODLE.fullmatch(path.stem)
        match = moodle or CANVAS.fullmatch(path.stem)
        slug, before = None, COPY.sub("", path.stem)
        if _ending(path) == ".py":
            slug, before = self._named(match["rest"] if match else path.stem)
            if slug is None:
                return "is no file of an exercise."
        if match:
            return _Entry(_owner(path.stem, match, is_canvas=not moodle), path, slug)
        if before.casefold() in ("", "test"):
            return "belongs to nobody: put it into a folder with its owner's name."
        return _Entry(Owner(before, before), path, slug)

    def _named(self, stem: str) -> tuple[str | None, str]:
        """The exercise that the name of a file ends with, and what stands before it."""
        name = AGAIN.sub("", stem)
        ends = [key for key in self._slugs if name.casefold().endswith(key)]
        key = max((k for k in ends if len(name) == len(k) or name[-len(k) - 1] in "_-"), key=len, default=None)
        return (self._slugs[key], name[: -len(key)].rstrip("_-")) if key else (None, "")

    def _people_in(self, folder: Path) -> Path:
        """The folder whose entries are one person's each: this one, or the class that is all there is in it.

        Only where it is all there is: else somebody could hand in a "class" that holds files in the names of others.
        """
        inside = [path for path in _inside(folder) if path.is_dir() or _ending(path) in (".py", ".zip")]
        if len(inside) != 1 or _is_repository(inside[0]):
            return folder
        deeper = inside[0]
        if _ending(deeper) == ".zip":
            deeper = self._place_of(deeper)
            try:
                unpack(inside[0], deeper, Budget())
            except Damaged:
                return folder  # told when it is unpacked as somebody's work
        if not deeper.is_dir():
            return folder
        people = self._people_in(deeper)
        return people if people != deeper or self._is_class(deeper) else folder

    def _is_class(self, folder: Path) -> bool:
        """Does it look like the work of several people?"""
        try:
            inside = _inside(folder)
        except OSError:
            return False
        of_platform = any(MOODLE.fullmatch(path.stem) or CANVAS.fullmatch(path.stem) for path in inside)
        on_roster = any(self._roster.has(entry.owner.who) for entry in self._entries(folder, notes=[]))
        return sum(map(_is_repository, inside)) > 1 or of_platform or on_roster

    # -- what is in it -------------------------------------------------------------------------------------------------

    def _in_entry(self, entry: _Entry, person: Person) -> Iterator[_Found]:
        if entry.named is not None:
            yield self._found(entry.named, entry.path, 0, is_longer=False)
            return
        known, nothing = len(self.problems), True
        others: list[Path] = []
        for one in self._walk(entry.path, person, 0, Budget(), others):
            nothing = False
            yield one
        place = entry.path if entry.path.is_dir() else self._place_of(entry.path)
        if not _is_repository(place) and self._is_class(place):
            self.notes.append(
                f"{_shown(entry.path)} looks like the work of several people. If it is, put what is in it here instead."
            )
        elif nothing and known == len(self.problems):
            names = ", ".join([_shown(path) for path in others[:NAMED]] + ["..."] * (len(others) > NAMED)) or "nothing"
            text = f"No file of an exercise was found in {_shown(entry.path)}; it holds {names}."
            self.notes.append(text)
            if person in self._roster.people:
                self.problems.append(Problem(person, text))

    def _walk(self, path: Path, person: Person, depth: int, budget: Budget, others: list[Path]) -> Iterator[_Found]:
        try:
            if _ending(path) == ".zip" and path.is_file():
                place = self._place_of(path)
                unpack(path, place, budget)
                yield from self._walk(place, person, depth + 1, budget, others)
            elif _is_repository(path):
                yield from self._repository(path, person, depth)
            elif path.is_dir():
                for child in _inside(path):
                    yield from self._walk(child, person, depth + 1, budget, others)
            else:
                slug, before = self._named(path.stem) if _ending(path) == ".py" else (None, "")
                if slug is None or before.casefold() == "test" or not path.is_file():
                    others.append(path)
                else:
                    yield self._found(slug, path, depth, is_longer=bool(before))
        except (Damaged, OSError) as error:
            why = f"read: {error.strerror or error}" if isinstance(error, OSError) else f"unpacked: {error}"
            text = f"{_shown(path)} cannot be {why}"
            self.notes.append(f"{visible(person.identifier, one_line=True)}: {text}")
            self.problems.append(Problem(person, f"{text}.", is_ours=isinstance(error, OSError)))

    def _repository(self, folder: Path, person: Person, depth: int) -> Iterator[_Found]:
        for slug, exercise in self._exercises.items():
            relative = exercise.stub.relative_to(self._root)
            links = [part for part in (relative, *relative.parents) if (folder / part).is_symlink() and part != Path()]
            if links:
                text = f"{links[-1].as_posix()} is a link, which is not followed"
                self.notes.append(f"{visible(person.identifier, one_line=True)}: {text}.")
                self.problems.append(Problem(person, f"{text}. Hand in the file itself."))
                return
            if (folder / relative).is_file():
                yield replace(self._found(slug, folder / relative, depth, is_longer=False), repository=folder)

    def _found(self, slug: str, path: Path, depth: int, *, is_longer: bool) -> _Found:
        upload = re.sub(r"\D", "", path.stem[len(AGAIN.sub("", path.stem)) :])
        return _Found(slug, path, (is_longer, depth, -int(upload or 0), str(path)))

    def _best(self, person: Person, files: Sequence[_Found]) -> HandedIn:
        """The file in the place where it belongs; of equals, the last upload. What else there was is told."""
        best, *rest = sorted(files, key=lambda one: one.rank)
        others = [one.path for one in rest if not _are_equal(one.path, best.path)]
        if others:
            names = ", ".join(f"{_shown(path.parent)}/{_shown(path)}" for path in others[:NAMED])
            self.notes.append(
                f"{visible(person.identifier, one_line=True)} handed in {len(others) + 1} different files for {best.slug}: "
                f"{_shown(best.path.parent)}/{_shown(best.path)} counts, not {names}."
            )
        return HandedIn(person, best.slug, best.path, best.repository)

    def _place_of(self, path: Path) -> Path:
        return self._unpacked / path.relative_to(path.anchor).with_suffix("")


def _owner(raw: str, match: re.Match[str] | None, *, is_canvas: bool = False) -> Owner:
    return Owner(raw, match["who"], match["number"], is_canvas) if match else Owner(raw, raw)


def _ending(path: Path) -> str:
    return path.suffix.lower()


def _is_repository(folder: Path) -> bool:
    try:
        return (folder / "exercises").is_dir()
    except OSError:
        return False  # told when somebody looks into it


def _inside(folder: Path) -> list[Path]:
    """What is in it, without links, which could lead anywhere on this machine."""
    return sorted(path for path in folder.iterdir() if path.name not in IGNORED and not path.is_symlink())


def _are_equal(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _shown(path: Path) -> str:
    return visible(path.name, one_line=True)
