"""`grader export`: repositories for students, and what classroom platforms need to grade them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from grader.catalog import Catalog, Exercise
from grader.classroom import bundles, copies
from grader.classroom.marks import FULL
from grader.classroom.update import Changes, contents, update, write
from grader.errors import UsageError
from grader.text import visible

FOLDER = click.Path(file_okay=False, path_type=Path)
MOST_NAMED = 10
Otherwise = Callable[[Catalog, Path], list[str]]


@click.group()
def export() -> None:
    """Copies for students and classroom platforms, never with solutions."""


def _exercises(command: Callable[..., None], otherwise: Otherwise = lambda catalog, target: []) -> Callable[..., None]:
    """Adds the options that choose exercises, and hands these over as a tuple. `otherwise`: slugs, where none are chosen."""

    @click.option("--exercises", "names", metavar="A,B", default="", help="Only these exercises (default: all).")
    @click.option("--track", help="Only exercises of this track.")
    @click.pass_obj
    @functools.wraps(command)
    def run(catalog: Catalog, /, names: str, track: str | None, target: Path, **options: Any) -> None:
        wanted = [name for name in names.split(",") if name]
        if not wanted and track is None:
            wanted = otherwise(catalog, target)
        command(catalog, copies.chosen(catalog, wanted, track), target, **options)

    return run


def _those_before(catalog: Catalog, target: Path) -> list[str]:
    """The exercises of a copy that is brought up to date; none for a new one."""
    return copies.exercises_of(contents(target), catalog)


@export.command()
@click.argument("target", type=FOLDER)
@click.option(
    "--workflow/--no-workflow",
    default=None,
    help="With a GitHub workflow that grades each push (default: with it; Classroom 50 has its own).",
)
@functools.partial(_exercises, otherwise=_those_before)
def student(catalog: Catalog, exercises: Sequence[Exercise], target: Path, workflow: bool | None) -> None:
    """A repository for students. Again, it is brought up to date: the same exercises, and what a student changed stays."""
    _outside(catalog, target)
    if workflow is None:
        before = contents(target)
        workflow = not before or copies.WORKFLOW in before
    changes = update(target, copies.student(catalog, exercises, workflow=workflow), copies.is_students)
    _tell(target, exercises, changes)


@export.command("github")
@click.argument("target", type=FOLDER)
@click.pass_obj
def github_(catalog: Catalog, target: Path) -> None:
    """The workflow that grades every push, for a repository that `export student` made without it."""
    _outside(catalog, target)
    _write_all(target, bundles.github())
    click.echo(f"{target}: {copies.WORKFLOW}")
    if not (target / "grader").is_dir():
        click.echo("There is no grader in that folder; `grader export student` makes a repository that has one.")


@export.command("classroom50")
@click.argument("target", type=FOLDER)
@_exercises
def classroom50_(catalog: Catalog, exercises: Sequence[Exercise], target: Path) -> None:
    """For Classroom 50: an autograder, and tests.json for those who would rather have declarative tests."""
    _outside(catalog, target)
    changes = update(target / "autograder", bundles.classroom50(catalog, exercises), lambda name: False)
    _write_all(target, {"tests.json": bundles.declared_tests(exercises).encode()})
    _tell(target / "autograder", exercises, changes)


@export.command("gradescope")
@click.argument("target", metavar="ZIP", type=click.Path(dir_okay=False, path_type=Path))
@_exercises
def gradescope_(catalog: Catalog, exercises: Sequence[Exercise], target: Path) -> None:
    """For Gradescope: the zip archive of an autograder."""
    _outside(catalog, target)
    archive = bundles.gradescope(catalog, exercises)
    _write_all(target.parent, {target.name: archive})
    click.echo(
        f"{target}: {_count(len(exercises), 'exercise')}, {len(exercises) * FULL} points, {len(archive):,} bytes."
    )


@export.command("prairielearn")
@click.argument("target", type=FOLDER)
@_exercises
def prairielearn_(catalog: Catalog, exercises: Sequence[Exercise], target: Path) -> None:
    """For PrairieLearn: the folder of a question, and what the image of its grader is built from."""
    _outside(catalog, target)
    files = bundles.prairielearn(catalog, exercises)
    question = bundles.prairielearn_question(exercises)
    kept = [name for name in question if (target / name).exists()]  # what is there already is the teacher's
    if "question.html" in kept:
        _must_offer(target / "question.html", exercises)
    changes = update(target / "tests", files, lambda name: False)
    _write_all(target / "image", bundles.prairielearn_image(files))
    _write_all(target, {name: text for name, text in question.items() if name not in kept})
    _tell(target, exercises, changes)
    if kept:
        click.echo(f"  kept, for the question is yours: {', '.join(kept)}")


def _must_offer(page: Path, exercises: Sequence[Exercise]) -> None:
    """Whatever is graded must have an editor or an upload in the question; else it is 0 points for everybody."""
    text = page.read_text(encoding="utf-8")
    missing = [
        e.slug for e in exercises if not re.search(rf"""file-names?=["'][^"']*\b{re.escape(e.stub.name)}\b""", text)
    ]
    if missing:
        raise UsageError(
            f"{page} takes no file for {', '.join(missing)}. Nothing was written. Name the exercises that it is about "
            "(--exercises), another folder for a new question, or move that file away and a new one is made."
        )


def _write_all(target: Path, files: copies.Files) -> None:
    try:
        for name, content in files.items():
            write(target / name, content)
    except OSError as error:
        raise UsageError(
            f"{error.filename or target} cannot be written: {error.strerror}. Name another place."
        ) from error


def _outside(catalog: Catalog, target: Path) -> None:
    if target.resolve().is_relative_to(catalog.root):
        raise UsageError(f"{target} lies in this repository. Name a folder outside of it.")


def _tell(target: Path, exercises: Sequence[Exercise], changes: Changes) -> None:
    click.echo(f"{target}: {_count(len(exercises), 'exercise')}, {len(changes.new)} files new, {len(changes.updated)} updated, "
               f"{len(changes.removed)} removed, {len(changes.kept)} kept because they were changed there.")  # fmt: skip
    for said, names in (("kept", changes.kept), ("your own file of that name is now", changes.beside)):
        for name in names[:MOST_NAMED]:
            click.echo(f"  {said}: {visible(name, one_line=True)}")
        if len(names) > MOST_NAMED:
            click.echo(f"  ... and {len(names) - MOST_NAMED} more")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
