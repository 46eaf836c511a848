"""Who is in the class, and which of them a folder, a file or a repository belongs to."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.classroom.results import Person
from grader.errors import UsageError

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
NOBODY = "points possible"  # a line of Canvas's gradebook


@dataclass(frozen=True)
class Owner:
    """Whom a name names. `raw`: all of it; `who`: without what a platform has added; `number`: by which the platform knows them."""

    raw: str
    who: str
    number: str = ""
    is_canvas: bool = False  # then the number is that of the column "ID"


def read_roster(path: Path) -> list[Person]:
    """Raises UsageError that names the line for a roster that cannot be used."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        header = text.partition("\n")[0]
        delimiter = max(",;\t", key=header.count)  # spreadsheets write semicolons where the comma is decimal
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    except UnicodeDecodeError as error:
        raise UsageError(f"The roster {path} is not UTF-8. Save it as a CSV file in UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise UsageError(f"The roster {path} cannot be read: {error}. It must be a CSV file with a header.") from error
    lines = [(number, row) for number, row in enumerate(rows, 2) if not _is_nobody(row)]
    people = [(number, _person(row, f"{path}, line {number}")) for number, row in lines]
    if not people:
        raise UsageError(f"The roster {path} names nobody. It needs a header with 'identifier' and a line a person.")
    known: dict[str, int] = {}
    for number, person in people:
        first = known.setdefault(plain(person.identifier), number)
        if first != number:
            raise UsageError(f"{path}: lines {first} and {number} have the same identifier '{person.identifier}'.")
    return [person for _, person in people]


def _is_nobody(row: Mapping[str | None, object]) -> bool:
    return any(isinstance(value, str) and plain(value) == NOBODY for value in row.values())


def _person(row: Mapping[str | None, object], place: str) -> Person:
    given = {str(key).strip().lower(): value.strip() for key, value in row.items() if isinstance(value, str)}
    fields = {field: next((given[name] for name in names if given.get(name)), "") for field, names in COLUMNS.items()}
    identifier = (
        fields["identifier"] or fields["sis_login"] or fields["email"] or fields["student_id"] or fields["name"]
    )
    if not identifier:
        raise UsageError(
            f"{place} names nobody: fill one of the columns {', '.join(COLUMNS['identifier'][:3])}, email, id."
        )
    return Person(**{**fields, "identifier": identifier})


class Roster:
    """Finds people. One who could be meant by two names, or a name that could mean two people, is nobody's guess."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = tuple(people)
        keys = ((plain(key), one) for one in people for key in (one.identifier, one.sis_login, one.email) if key)
        self._exact = _unique(keys)
        self._numbers = _unique((one.student_id, one) for one in people if one.student_id)
        self._names = _unique((key, one) for one in people for key in _names_of(one.name))

    def has(self, name: str) -> bool:
        """Does all of this name mean somebody?"""
        return plain(name) in self._exact

    def people_of(self, owners: Collection[Owner]) -> dict[Owner, Person]:
        """For each of them somebody of the roster, or somebody new."""
        several = Counter(owner.who for owner in {(o.who, o.number): o for o in owners}.values())
        cuts = _cuts([owner.raw for owner in owners])
        found = {owner: self._of(owner, cuts, alone=several[owner.who] == 1) for owner in owners}
        left = {owner: self._by_end(owner) for owner, person in found.items() if person is None and not cuts}
        met = Counter(person for person in [*found.values(), *left.values()] if person is not None)
        people = {}
        for owner in owners:
            by_end = left.get(owner)
            person = found[owner] or (by_end if by_end is not None and met[by_end] == 1 else None)
            distinct = f"{owner.who} ({owner.number})" if several[owner.who] > 1 and owner.number else owner.who
            people[owner] = person or Person(distinct)
        return people

    def _of(self, owner: Owner, cuts: Sequence[int], *, alone: bool) -> Person | None:
        """By all of the name, by the platform's number, by the person's own name, or by what stands behind what all names begin with."""
        for key in (owner.raw, owner.who):
            if person := self._exact.get(plain(key)):
                return person
        if owner.is_canvas and (person := self._numbers.get(owner.number)):
            return person
        if alone and (person := self._names.get(_letters(owner.who))):
            return person
        return next((self._exact[end] for cut in cuts if (end := plain(owner.raw[cut:])) in self._exact), None)

    def _by_end(self, owner: Owner) -> Person | None:
        """Repositories are called ASSIGNMENT-USER; of several users that fit, the one with the longest name."""
        name = plain(owner.raw)
        ends = [key for key in self._exact if name.endswith(("-" + key, "_" + key))]
        return self._exact[max(ends, key=len)] if ends else None


def plain(text: str) -> str:
    """Equal for names that people take for the same: a Mac writes accents as characters of their own."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def _letters(text: str) -> str:
    return "".join(c for c in plain(text) if c.isalnum())


def _names_of(name: str) -> list[str]:
    """As platforms write it: as it is, and with the last word first."""
    words = name.split()
    return [key for key in {_letters(name), _letters(" ".join(words[-1:] + words[:-1]))} if key]


def _cuts(names: Sequence[str]) -> list[int]:
    """Where the part may end that all of these names begin with: behind a hyphen or an underscore. Nothing for a single name."""
    if len(names) < 2:
        return []
    first, last = min(names), max(names)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return [match.end() for match in re.finditer("[-_]", first[:same])]


def _unique(pairs: Iterable[tuple[str, Person]]) -> dict[str, Person]:
    found: dict[str, set[Person]] = {}
    for key, person in pairs:
        found.setdefault(key, set()).add(person)
    return {key: next(iter(people)) for key, people in found.items() if len(people) == 1}
