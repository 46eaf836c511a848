"""Finds what was handed in: repositories, folders, files and zips, each of which belongs to a person."""

from __future__ import annotations

import csv
import re
import shutil
import stat
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grader.catalog import Catalog, Exercise
from grader.classroom.results import HandedIn, Person
from grader.errors import UsageError

MOST_FILES, MOST_BYTES = 20_000, 200 * 1024 * 1024  # of one zip, unpacked
OTHER_ARCHIVES = {".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz"}
IGNORED = {".git", ".venv", "node_modules", "__pycache__", ".grader", "__MACOSX"}
# Moodle's folders are "Ada Lovelace_123_assignsubmission_file_"; Canvas's files "lovelaceada_123_456_ticket_office-2.py".
MOODLE = re.compile(r"_\d+_assignsubmission_.*$")
CANVAS = re.compile(r"(?:_LATE)?(?:_\d+){1,2}$")
CANVAS_FILE = re.compile(r"_\d+_\d+_[^/]+\.(?:py|zip)$", re.IGNORECASE)
AGAIN = re.compile(r"(?:-\d+| \(\d+\))?$")  # what learning platforms and browsers add to a second file of that name
# What the columns of a roster may be called; others are left alone.
COLUMNS = {
    "identifier": ("identifier", "username", "github", "github_username", "login", "repository", "folder", "user"),
    "name": ("name", "student", "full name", "full_name"),
    "email": ("email", "email address", "mail"),
    "student_id": ("id", "student_id", "idnumber", "id number", "roster_identifier"),
    "sis_id": ("sis user id", "sis_id"),
    "sis_login": ("sis login id", "sis_login"),
    "section": ("section", "group"),
}


def read_roster(path: Path) -> list[Person]:
    """Raises UsageError that names the line for a roster that cannot be used."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"The roster {path} cannot be read: {error}. It must be a CSV file with a header.") from error
    people = [_person(row, f"{path}, line {number}") for number, row in enumerate(rows, 2)]
    if not people:
        raise UsageError(f"The roster {path} names nobody. It needs a header with 'identifier' and a line a person.")
    known: dict[str, int] = {}
    for number, person in enumerate(people, 2):
        first = known.setdefault(person.identifier.lower(), number)
        if first != number:
            raise UsageError(f"{path}: lines {first} and {number} have the same identifier '{person.identifier}'.")
    return people


def _person(row: Mapping[str | None, str | None], place: str) -> Person:
    given = {str(key).strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(value, str)}
    fields = {field: next((given[name] for name in names if given.get(name)), "") for field, names in COLUMNS.items()}
    identifier = (
        fields["identifier"] or fields["sis_login"] or fields["email"] or fields["student_id"] or fields["name"]
    )
    if not identifier:
        raise UsageError(
            f"{place} names nobody: fill one of the columns {', '.join(COLUMNS['identifier'][:3])}, email, id."
        )
    return Person(**{**fields, "identifier": identifier})


class Collector:
    """`unpacked`: a folder for the contents of zips. `notes` tells what could not be read, and why."""

    def __init__(
        self, catalog: Catalog, exercises: Sequence[Exercise], unpacked: Path, roster: Sequence[Person]
    ) -> None:
        self._catalog, self._unpacked = catalog, unpacked
        self._slugs = {exercise.slug: exercise for exercise in exercises}
        self._roster = {person.identifier.lower(): person for person in roster}
        self._broken: dict[Path, str] = {}
        self.notes: list[str] = []

    def collect(self, folder: Path) -> list[HandedIn]:
        """One file for each person and exercise, in the order of names; of several, the last one by its path counts, and a note says so."""
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}. Name the folder that holds what was handed in.")
        found: dict[tuple[str, str], list[HandedIn]] = defaultdict(list)
        for handed in self._in(self._people_in(folder), None):
            found[handed.person.identifier.lower(), handed.slug].append(handed)
        self.notes += [_several(files) for _, files in sorted(found.items()) if len(files) > 1]
        return [files[-1] for _, files in sorted(found.items())]

    def _people_in(self, folder: Path) -> Path:
        """The folder whose entries are one person's each: this one, or the class that is all there is in it.

        Only where it is all there is: else somebody could hand in a "class" that holds files in the names of others.
        """
        inside = _entries(folder)
        if len(inside) != 1 or (inside[0] / "exercises").is_dir():
            return folder
        deeper = self._unpacked_zip(inside[0]) if inside[0].suffix.lower() == ".zip" else inside[0]
        if deeper is None or not deeper.is_dir():
            return folder
        people = self._people_in(deeper)
        return people if people != deeper or self._is_class(deeper) else folder

    def _is_class(self, folder: Path) -> bool:
        """Does it look like the work of several people?"""
        inside = _entries(folder)
        repositories = sum((path / "exercises").is_dir() for path in inside)
        of_platform = any(MOODLE.search(path.name) or CANVAS_FILE.search(path.name) for path in inside)
        return repositories > 1 or of_platform or any(self._is_on_roster(self._name_in(path)) for path in inside)

    def _in(self, folder: Path, owner: str | None) -> Iterator[HandedIn]:
        """`owner`: whose folder this is; None where each entry belongs to somebody else."""
        if (folder / "exercises").is_dir():
            yield from self._repository(folder, owner or folder.name)
            return
        for path in _entries(folder):
            if path.is_dir():
                yield from self._in_folder(path, owner, path.name)
            elif path.suffix.lower() == ".zip":
                yield from self._zip(path, owner)
            elif path.suffix.lower() == ".py":
                yield from self._file(path, owner)
            elif path.suffix.lower() in OTHER_ARCHIVES:
                self.notes.append(f"{path.name} was not looked at: unpack it into a folder with its owner's name.")

    def _repository(self, folder: Path, owner: str) -> Iterator[HandedIn]:
        for slug, exercise in self._slugs.items():
            path = folder / exercise.stub.relative_to(self._catalog.root)
            if path.is_file() and not path.is_symlink():
                yield HandedIn(self._person(owner), slug, path, folder)

    def _file(self, path: Path, owner: str | None) -> Iterator[HandedIn]:
        slug, named = self._named(path)
        if slug is None:
            return
        if person := owner or named:
            yield HandedIn(self._person(person), slug, path)
        else:
            self.notes.append(f"{path.name} belongs to nobody: put it into a folder with its owner's name.")

    def _in_folder(self, folder: Path, owner: str | None, name: str) -> Iterator[HandedIn]:
        if owner is None and not (folder / "exercises").is_dir() and self._is_class(folder):
            self.notes.append(
                f"{name} looks like the work of several people. If it is, put what is in it here instead."
            )
        yield from self._in(folder, owner or _person_in(name))

    def _zip(self, path: Path, owner: str | None) -> Iterator[HandedIn]:
        folder = self._unpacked_zip(path)
        if folder is None:
            self.notes.append(f"{path.name} cannot be unpacked: {self._broken[path]}")
        else:
            yield from self._in_folder(folder, owner, path.stem)

    def _unpacked_zip(self, path: Path) -> Path | None:
        """None for one that cannot be unpacked; `_broken` then knows why."""
        target = self._unpacked / path.relative_to(path.anchor).with_suffix("")
        try:
            unpack(path, target)
        except (OSError, ValueError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            self._broken[path] = str(error)
            return None
        return target

    def _name_in(self, path: Path) -> str:
        """Whom the name of a file or folder names, if it names anybody."""
        if path.suffix.lower() == ".py":
            return self._named(path)[1]
        return _person_in(path.stem if path.suffix.lower() == ".zip" else path.name)

    def _named(self, path: Path) -> tuple[str | None, str]:
        """The exercise of a Python file and its owner, by its name: OWNER_EXERCISE.py; "" for nobody."""
        stem = AGAIN.sub("", path.stem)
        slug = max((s for s in self._slugs if stem == s or stem.endswith(("_" + s, "-" + s))), key=len, default=None)
        return slug, CANVAS.sub("", stem.removesuffix(slug).rstrip("_-")) if slug else ""

    def _is_on_roster(self, name: str) -> bool:
        return self._person(name) in self._roster.values()

    def _person(self, name: str) -> Person:
        """By the roster, if it knows that name or the end of it: repositories are called ASSIGNMENT-USER."""
        lower = name.lower()
        if lower in self._roster:
            return self._roster[lower]
        ends = [key for key in self._roster if lower.endswith(("-" + key, "_" + key))]
        return self._roster[max(ends, key=len)] if ends else Person(name)


def _entries(folder: Path) -> list[Path]:
    """What is in it, without links, which could lead anywhere on this machine; what was handed in again comes later."""
    inside = (path for path in folder.iterdir() if path.name not in IGNORED and not path.is_symlink())
    return sorted(inside, key=_turn)


def _turn(path: Path) -> tuple[str, int, str]:
    """The tenth file of a name comes behind the ninth, and the first, which has no number, before both."""
    stem = AGAIN.sub("", path.stem)
    return stem, int(re.sub(r"\D", "", path.stem[len(stem) :]) or 0), path.name


def _person_in(name: str) -> str:
    return CANVAS.sub("", MOODLE.sub("", name)) or name


def _several(files: Sequence[HandedIn]) -> str:
    last = files[-1]
    return (
        f"{last.person.identifier} handed in {len(files)} files for {last.slug}; {last.path.name} in {last.path.parent.name} counts. "
        "Are those of several people in one folder? Then name that folder itself."
    )


def unpack(path: Path, target: Path) -> None:
    """The regular files of a zip below `target`, whatever names it gives them. Raises ValueError for a zip bomb."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise ValueError(f"it holds more than {MOST_FILES:,} files or {MOST_BYTES >> 20} MB")
        for entry in entries:
            parts = Path(entry.filename.replace("\\", "/")).parts
            if stat.S_ISLNK(entry.external_attr >> 16) or ".." in parts or IGNORED & set(parts):
                continue
            place = target.joinpath(*(part for part in parts if part not in ("/", ".") and ":" not in part))
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(place, "wb") as file:
                shutil.copyfileobj(source, file)  # reads no more than the index promised
