"""Gradebooks: right sums, nothing lost, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom import gradebook
from grader.classroom.results import Person, half_up, marks
from grader.tests import classes

TABLES: dict[str, Callable[..., str]] = {
    "checks": gradebook.checks_csv,
    "summary": gradebook.summary_csv,
    "canvas": lambda r: gradebook.canvas_csv(r, "Concurrency (4711)"),
    "moodle": gradebook.moodle_csv,
}
FORMULAS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
SCHEMA = json.loads((Path(__file__).parents[1] / "report.schema.json").read_text(encoding="utf-8"))


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_as_its_golden_file(table: str, golden: Callable[[str, str], None]) -> None:
    golden(f"gradebook/{table}.csv", TABLES[table](classes.SMALL))


def test_json_lines_are_as_their_golden_file(golden: Callable[[str, str], None]) -> None:
    golden("gradebook/results.jsonl", gradebook.json_lines(classes.SMALL))


@pytest.mark.parametrize("name", classes.CLASSES)
@pytest.mark.parametrize("table", TABLES)
def test_all_rows_are_as_long_as_the_header(table: str, name: str) -> None:
    header, *others = rows(TABLES[table](classes.CLASSES[name]))
    assert {len(row) for row in others} <= {len(header)}


@pytest.mark.parametrize("table", TABLES)
def test_no_cell_of_a_hostile_class_is_a_formula(table: str) -> None:
    text = TABLES[table](classes.SPOILT)
    parts = [part for row in rows(text) for cell in row for part in cell.split(";")]
    assert [part for part in parts if part.strip()[:1] in set(FORMULAS)] == []
    assert not set(text.removeprefix("\ufeff")) & set("\x00\x1b\r\u202e\ud800")
    assert all(line.count('"') % 2 == 0 for line in text.splitlines())  # no cell spans lines
    text.encode()


def test_in_the_summary_marks_add_up_to_the_total_and_the_maximum() -> None:
    for name, one in classes.CLASSES.items():
        header, *people = rows(gradebook.summary_csv(one))
        first, last = 4, header.index("total")
        assert len(people) == len(one.people), name
        for row in people:
            given_marks = [int(mark) for mark in row[first:last] if mark]
            assert sum(given_marks) == int(row[last])
            assert 100 * len(given_marks) == int(row[last + 1])


def test_what_could_not_be_measured_leaves_no_gap_in_a_mark() -> None:
    slow = classes.graded(classes.ADA, classes.UNMEASURED, None, None)
    assert (slow.results[0].score, slow.results[0].max_score) == (85, 85)
    assert marks(slow, tuple(classes.TITLES)).by_exercise == (100, 0, 0)


def test_an_exercise_without_any_measure_leaves_the_total_and_the_rest_is_scaled() -> None:
    found = marks(classes.graded(classes.ADA, classes.NOTHING, classes.RACY, classes.RIGHT), tuple(classes.TITLES))
    assert found.by_exercise == (None, 50, 100)
    assert (found.total, found.maximum, found.full, found.out_of_full) == (150, 200, 300, 225)


def test_a_fault_of_the_grader_gives_no_score_and_no_zero() -> None:
    found = marks(classes.graded(classes.ADA, classes.FAULT, classes.RIGHT, classes.RIGHT), tuple(classes.TITLES))
    assert found.by_exercise == (None, 100, 100)
    assert found.faults == ("counter",)
    assert found.out_of_full is None


@given(st.integers(0, 10**6), st.integers(1, 10**4))
def test_half_is_rounded_up(number: int, divisor: int) -> None:
    assert abs(2 * (half_up(number, divisor) * divisor - number)) <= divisor
    assert half_up(divisor * number * 2 + divisor, divisor * 2) == number + 1


def test_canvas_gets_the_people_that_it_can_find() -> None:
    header, possible, *people = rows(gradebook.canvas_csv(classes.SMALL, "Concurrency (4711)"))
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Concurrency (4711)"]
    assert possible == ["    Points Possible", "", "", "", "", "300"]
    assert [row[0] for row in people] == ["Ada Lovelace", "Bo Ek", "Chen Øster, Jr.", "Eve Ning", "Finn"]


def test_moodle_gets_no_row_that_it_would_refuse() -> None:
    _, *people = rows(gradebook.moodle_csv(classes.SMALL))
    assert "Chen Øster, Jr." not in [row[2] for row in people]
    assert all(row[0] or row[1] for row in people)


def test_only_tables_that_people_open_in_excel_have_a_byte_order_mark() -> None:
    assert {name for name, table in TABLES.items() if table(classes.SMALL).startswith("\ufeff")} == {
        "checks",
        "summary",
    }


@pytest.mark.parametrize("name", classes.CLASSES)
def test_each_json_line_is_an_exercise_of_a_report_and_its_person(name: str) -> None:
    r = classes.CLASSES[name]
    lines = gradebook.json_lines(r).splitlines()
    assert len(lines) == sum(len(one.results) for one in r.people)
    for line in lines[:20]:
        data = json.loads(line)
        person = data.pop("person")
        assert set(person) == {"identifier", "name", "email", "student_id", "sis_id", "sis_login", "section"}
        report = {
            "schema": "grader/report/v1", "created": r.created, "seed": r.seed, "environment": r.environment,
            "score": data["score"], "max_score": data["max_score"], "exercises": [data],
        }  # fmt: skip
        jsonschema.validate(report, SCHEMA)
        assert line.isascii()
        assert "##" not in line


def test_a_person_without_a_name_is_called_by_the_identifier() -> None:
    assert Person("dee").shown == "dee"
