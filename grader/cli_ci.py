"""Commands that run on platforms for classrooms, not for people: grade what was handed in, and write what the platform reads."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from grader.catalog import Catalog, Exercise
from grader.classroom import classroom50, github, gradescope, handed_in, prairielearn
from grader.classroom.marks import Marks, marks
from grader.verdict import Report, timestamp, to_json, write_atomically

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
LEAST = 1.0  # minutes that are worth a second try


@dataclass(frozen=True)
class Asked:
    """What all of these commands can be told."""

    catalog: Catalog
    exercises: tuple[Exercise, ...]
    minutes: float
    jobs: int | None

    def grade(self, folder: Path) -> tuple[Report, Marks]:
        report = handed_in.grade(self.catalog, self.exercises, folder, minutes=self.minutes, jobs=self.jobs)
        marked = marks(report)
        _print(marked, report.environment["isolation"])
        return report, marked


@click.group()
def ci() -> None:
    """For classroom platforms: grade what was handed in, and write results in their formats."""


def _asked(minutes: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the common argument and options, and hands them over as one `Asked`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.argument("names", nargs=-1, metavar="[NAME ...]")
        @click.option(
            "--minutes", type=click.FloatRange(min=0.5), default=minutes, show_default=True, help="For all of it."
        )
        @click.option("--jobs", type=click.IntRange(min=1), help="Judges at once (default: one a core).")
        @click.pass_obj
        @functools.wraps(command)
        def run(catalog: Catalog, /, names: Sequence[str], minutes: float, jobs: int | None, **options: Any) -> None:
            exercises = tuple(catalog.find(name) for name in names) or catalog.exercises
            command(Asked(catalog, exercises, minutes, jobs), **options)

        return run

    return decorate


@ci.command("github")
@click.option("--json", "json_file", type=FILE, help="Write the report as JSON, too.")
@_asked(minutes=12)
def github_(asked: Asked, json_file: Path | None) -> None:
    """In a workflow: annotations, a step summary, and outputs that GitHub Classroom reads."""
    report, marked = asked.grade(asked.catalog.root)
    differences = report.environment["differences"]
    for line in github.commands(marked, differences):
        click.echo(line)
    for variable, text in (
        ("GITHUB_STEP_SUMMARY", github.summary(marked, differences)),
        ("GITHUB_OUTPUT", github.outputs(marked)),
    ):
        if place := os.environ.get(variable):
            with open(place, "a", encoding="utf-8") as file:
                file.write(text)
    if json_file is not None:
        write_atomically(json_file, to_json(report))
    sys.exit(3 if not marked.is_final else 0 if all(mark.is_fine for mark in marked.marks) else 1)


@ci.command("classroom50")
@click.option("--checkout", type=FOLDER, required=True, help="The student's repository.")
@_asked(minutes=10)
def classroom50_(asked: Asked, checkout: Path) -> None:
    """In Classroom 50's autograder: result.json and release-body.md in the checkout. Exit code 3 if the grader itself failed."""
    target = checkout / "result.json"
    target.unlink(missing_ok=True)  # a result that the student committed is none
    submitted = _time_of_commit(checkout, os.environ)
    classroom50.results(
        Marks(0, 0, (), False), os.environ, submitted, submitted
    )  # a wrong environment is told before the work
    _, marked = asked.grade(checkout)
    if not marked.is_final:
        sys.exit(3)
    _write(target, classroom50.results(marked, os.environ, submitted, timestamp(datetime.now(UTC))))
    write_atomically(checkout / "release-body.md", classroom50.release_body(marked))


@ci.command("declared")
@click.option("--json-report", is_flag=True, help="Accepted, as Classroom 50 adds it to declarative tests.")
@click.option("--json-report-file", type=FILE, required=True, help="Where the numbers go.")
@_asked(minutes=9)
def declared(asked: Asked, json_report: bool, json_report_file: Path) -> None:
    """As a declarative test of type `python` of Classroom 50: points as numbers of tests.

    Exit code 3, and no numbers, if the grader itself failed twice: Classroom 50 then gives 0 points.
    """
    json_report_file.unlink(missing_ok=True)
    began = time.monotonic()
    _, marked = asked.grade(asked.catalog.root)
    left = asked.minutes - (time.monotonic() - began) / 60
    if marked.faults and left >= LEAST:
        click.echo("The grader itself failed. Once more:")
        _, marked = replace(asked, minutes=left).grade(asked.catalog.root)
    if not marked.is_final:
        sys.exit(3)
    _write(json_report_file, classroom50.declared(marked))
    sys.exit(0 if all(mark.is_fine for mark in marked.marks) else 1)


@ci.command("gradescope")
@click.option("--root", type=FOLDER, default=Path("/autograder"), show_default=True)
@_asked(minutes=8)
def gradescope_(asked: Asked, root: Path) -> None:
    """In Gradescope: results/results.json. Exit code 3, and no score, if the grader itself failed."""
    began = time.monotonic()
    _, marked = asked.grade(root / "submission")
    data = gradescope.results(marked, len(asked.exercises), time.monotonic() - began)
    _write(root / "results" / "results.json", data)
    sys.exit(0 if marked.is_final else 3)


@ci.command("prairielearn")
@click.option("--root", type=FOLDER, default=Path("/grade"), show_default=True)
@_asked(minutes=9)
def prairielearn_(asked: Asked, root: Path) -> None:
    """In PrairieLearn's external grading: results/results.json; not gradable if the grader itself failed."""
    _, marked = asked.grade(root / "student")
    _write(root / "results" / "results.json", prairielearn.results(marked))


def _print(marked: Marks, isolation: str) -> None:
    """For the log."""
    telling = set(marked.telling)
    for mark in marked.marks:
        click.echo(f"{mark.verdict.words:<13} {mark.score:>3} of {mark.max_score:<3}  {mark.name}")
        for line in mark.text.split("\n") if mark in telling else ():
            click.echo(f"    {line}")
    click.echo(f"{marked.score} of {marked.max_score} points, isolation: {isolation}")
    if marked.warning:
        click.echo(marked.warning)


def _write(path: Path, data: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(data, indent=1) + "\n")


def _time_of_commit(checkout: Path, environment: Mapping[str, str]) -> str:
    """When the graded commit was made: grading it again must not make it late. Now, where git cannot tell."""
    commit = environment.get("GITHUB_SHA") or "HEAD"
    # Only the platform's own `.git`: without it, git takes files called HEAD and config for a repository, and runs what they name.
    command = ["git", "--git-dir=.git", "show", "-s", "--format=%cI", commit, "--"]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True, timeout=30)
        return timestamp(datetime.fromisoformat(done.stdout.strip()))
    except (OSError, ValueError, subprocess.SubprocessError):
        return timestamp(datetime.now(UTC))
