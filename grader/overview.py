"""The table of a track's README: what there is, and what checking a reference takes. Made, not typed: `grader dev table`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from grader.catalog import Exercise, Track
from grader.errors import GraderFault
from grader.verdict import ExerciseResult

BEGIN, END = "<!-- made by `grader dev table` -->", "<!-- end of the table -->"
HEAD = "| exercise | stars | checks | accepted | rejected | seconds | schedules |\n| --- | --- | --- | --- | --- | --- | --- |"
BELOW = (
    "Seconds: all checks of the reference on two cores, one after the other. Schedules: how many of them the explorer tries before it "
    "believes the reference."
)


def check_names(exercise: Exercise) -> list[str]:
    """The checks in the order of the check file."""
    tree = ast.parse(exercise.tests.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def counts(exercise: Exercise) -> tuple[int, int, int]:
    """Checks, accepted (the reference among them) and rejected solutions."""
    return len(check_names(exercise)), 1 + len(exercise.accepted), len(exercise.rejected)


def table(results: Iterable[tuple[Exercise, ExerciseResult]]) -> str:
    """`results`: each exercise of a track and the result of its reference."""
    rows = [HEAD]
    for exercise, result in results:
        seconds = sum(check.seconds for check in result.checks)
        schedules = sum((check.evidence or {}).get("explored", 0) for check in result.checks)
        checks, accepted, rejected = counts(exercise)
        rows.append(
            f"| [{exercise.slug}]({exercise.slug}/README.md) | {'*' * exercise.stars} | {checks} | {accepted} | {rejected} "
            f"| {seconds:.0f} | {schedules or '-'} |"
        )
    return "\n".join([*rows, "", BELOW])


def put(track: Track, made: str) -> None:
    """Replace the table in the track's README. Raises GraderFault if it has no place for one."""
    text = track.readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise GraderFault(f"{track.readme} has no place for the table. Add the lines {BEGIN} and {END}.")
    before, rest = text.split(BEGIN, 1)
    track.readme.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def counts_in(track: Track) -> dict[str, tuple[int, int, int]]:
    """What the table in the README says: exercise -> checks, accepted, rejected."""
    rows = re.findall(
        r"^\| \[(\w+)\]\S+ \| \S+ \| (\d+) \| (\d+) \| (\d+) \|", track.readme.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: (int(checks), int(accepted), int(rejected)) for name, checks, accepted, rejected in rows}
