"""A class as tables: for spreadsheets, for Canvas and Moodle, and as JSON lines for programs. From data to text, nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from grader.classroom.results import ClassResults, Graded, Person, marks
from grader.text import visible
from grader.verdict import CheckResult, ExerciseResult, Report, to_json

# Excel takes a CSV file without it for one in the local code page and spoils every name that is not ASCII. Learning platforms
# and programs know UTF-8, and may take it for a part of the first header.
MARK = "\ufeff"
# Where a spreadsheet would begin a formula: at the start of a cell, and after a semicolon, at which it splits in countries
# with a decimal comma. The wide forms count on East Asian systems.
FORMULA = re.compile(r"(^\s*|;\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
Cell = str | int | float | None


def checks_csv(r: ClassResults) -> str:
    """A row for each check of each person. Its points are those before caps: a race or a leak limits the whole exercise."""
    header = (
        "person", "identifier", "section", "exercise", "check", "title", "kind", "verdict", "score", "max_score",
        "seconds", "message",
    )  # fmt: skip
    rows = (
        _check_row(one.person, result, check) for one in r.people for result in one.results for check in result.checks
    )
    return MARK + _table([header, *rows])


def _check_row(person: Person, result: ExerciseResult, check: CheckResult) -> Sequence[Cell]:
    return (
        person.shown, person.identifier, person.section, result.name, check.name, check.title, str(check.kind),
        str(check.verdict), check.score, check.max_score, round(check.seconds, 3), check.message.partition("\n")[0],
    )  # fmt: skip


def summary_csv(r: ClassResults) -> str:
    """A row for each person, also for those who handed in nothing. The marks of a row add up to its total, out of its maximum."""
    header = ("person", "identifier", "email", "section", *r.exercises, "total", "maximum", "handed_in", "note")
    return MARK + _table([header, *(_summary_row(one, r.exercises) for one in r.people)])


def _summary_row(one: Graded, exercises: Sequence[str]) -> Sequence[Cell]:
    found = marks(one, exercises)
    person = one.person
    handed_in = sum(result.name in exercises for result in one.results)
    return (
        person.shown, person.identifier, person.email, person.section, *found.by_exercise, found.total, found.maximum,
        handed_in, "; ".join(_notes(one, exercises)),
    )  # fmt: skip


def _notes(one: Graded, exercises: Sequence[str]) -> Iterator[str]:
    """Why a mark is missing, and that a person should look at something."""
    found = marks(one, exercises)
    missing = [slug for slug, mark in zip(exercises, found.by_exercise, strict=True) if mark is None]
    unmeasured = [slug for slug in missing if slug not in found.faults]
    if found.faults:
        yield f"to be graded again: {', '.join(found.faults)}"
    if unmeasured:
        yield f"could not be measured: {', '.join(unmeasured)}"
    if one.flags:
        yield f"{len(one.flags)} flag{'s' * (len(one.flags) > 1)}"


def canvas_csv(r: ClassResults, column: str) -> str:
    """The gradebook of Canvas, with the total in the assignment `column`, "NAME (ID)", out of 100 for each exercise.

    Only people whom Canvas can find: by ID, SIS user ID or SIS login ID. An empty mark leaves what Canvas has.
    """
    header = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", column)
    possible = ("    Points Possible", "", "", "", "", marks(Graded(Person("")), r.exercises).full)
    rows = (
        (p.shown, p.student_id, p.sis_id, p.sis_login, p.section, marks(one, r.exercises).out_of_full)
        for one in r.people
        if (p := one.person) and (p.student_id or p.sis_id or p.sis_login)
    )
    return _table([header, possible, *rows])


def moodle_csv(r: ClassResults) -> str:
    """A column for each exercise and one for the total, all with one maximum for everybody.

    Only people whom Moodle can find, by email or idnumber: it refuses a whole file for one row that belongs to nobody.
    """
    header = ("email", "idnumber", "name", *r.exercises, "total")
    found = ((one.person, marks(one, r.exercises)) for one in r.people)
    rows = (
        (person.email, person.student_id, person.shown, *mark.by_exercise, mark.out_of_full)
        for person, mark in found
        if person.email or person.student_id
    )
    return _table([header, *rows])


def json_lines(r: ClassResults) -> str:
    """An object for each person and exercise: the report's exercise, and who it belongs to."""
    return "".join(_json_line(r, one.person, result) for one in r.people for result in one.results)


def _json_line(r: ClassResults, person: Person, result: ExerciseResult) -> str:
    report = Report(r.created, r.seed, {}, result.score, result.max_score, (result,))
    exercise: dict[str, Any] = json.loads(to_json(report))["exercises"][0]
    # As in reports: no halves of surrogate pairs, which other readers refuse, and no `##[...]`, which CI systems obey.
    who = {key: value.encode("utf-8", "backslashreplace").decode() for key, value in asdict(person).items()}
    text = json.dumps({"person": who, **exercise}, ensure_ascii=True, allow_nan=False)
    return text.replace("##", "#\\u0023") + "\n"


def _table(rows: Iterable[Sequence[Cell]]) -> str:
    """As CSV. Line ends are those of the system that writes the file: every reader takes both."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: Cell) -> Cell:
    """Text on one line, without anything that a spreadsheet would take for a formula. Numbers stay numbers; None is empty."""
    return FORMULA.sub(r"\1'", visible(value, one_line=True)) if isinstance(value, str) else value
