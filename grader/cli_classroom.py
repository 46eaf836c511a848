"""`grader export`: repositories for students, and what classroom platforms need to grade them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from grader.catalog import Catalog, Exercise
from grader.classroom import copies
from grader.classroom.update import Changes, update
from grader.errors import UsageError
from grader.text import visible

FOLDER = click.Path(file_okay=False, path_type=Path)
MOST_NAMED = 10


@click.group()
def export() -> None:
    """Copies for students and classroom platforms, never with solutions."""


def _exercises(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that choose exercises, and hands these over as a tuple."""

    @click.option("--exercises", "names", metavar="A,B", default="", help="Only these exercises (default: all).")
    @click.option("--track", help="Only exercises of this track.")
    @click.pass_obj
    @functools.wraps(command)
    def run(catalog: Catalog, /, names: str, track: str | None, **options: Any) -> None:
        chosen = copies.chosen(catalog, [name for name in names.split(",") if name], track)
        command(catalog, chosen, **options)

    return run


@export.command()
@click.argument("target", type=FOLDER)
@_exercises
def student(catalog: Catalog, exercises: Sequence[Exercise], target: Path) -> None:
    """A repository for students; again, it is brought up to date, and what a student changed stays."""
    _outside(catalog, target)
    changes = update(target, copies.student(catalog, exercises), copies.is_students)
    _tell(target, exercises, changes)


def _outside(catalog: Catalog, target: Path) -> None:
    if target.resolve().is_relative_to(catalog.root):
        raise UsageError(f"{target} lies in this repository. Name a folder outside of it.")


def _tell(target: Path, exercises: Sequence[Exercise], changes: Changes) -> None:
    click.echo(f"{target}: {_count(len(exercises), 'exercise')}, {len(changes.new)} files new, {len(changes.updated)} updated, "
               f"{len(changes.removed)} removed, {len(changes.kept)} kept because they were changed there.")  # fmt: skip
    for name in changes.kept[:MOST_NAMED]:
        click.echo(f"  kept: {visible(name, one_line=True)}")
    if len(changes.kept) > MOST_NAMED:
        click.echo(f"  ... and {len(changes.kept) - MOST_NAMED} more")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
