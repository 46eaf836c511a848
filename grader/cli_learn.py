"""`grader` alone, and the small commands of those who learn: list, show, hint, reset."""

from __future__ import annotations

import json

import click
from rich.console import Console

from grader import progress, scaffold
from grader.catalog import Catalog


def where_you_stand(catalog: Catalog) -> None:
    done = progress.solved(catalog.root)
    _list(catalog, done)
    following = progress.next_exercise(catalog)
    if following is None:
        click.echo("\nAll exercises are solved.")
        return
    click.echo(f"\nNext: {following.slug}. Read the task with `grader show {following.slug}`,")
    click.echo(f"edit {following.stub.relative_to(catalog.root).as_posix()}, then run `grader check {following.slug}`.")


def _list(catalog: Catalog, done: set[str]) -> None:
    for track in catalog.tracks:
        click.echo(f"{track.title} ({track.name})")
        for exercise in track.exercises:
            mark = "done" if exercise.slug in done else "    "
            click.echo(
                f"  {mark} {'*' * exercise.stars:<5} {exercise.slug:<20} {exercise.title} ({exercise.minutes} min)"
            )


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(catalog: Catalog, as_json: bool) -> None:
    """All exercises."""
    done = progress.solved(catalog.root)
    if not as_json:
        _list(catalog, done)
        return
    entries = [
        {
            "name": e.slug,
            "track": e.track,
            "title": e.title,
            "stars": e.stars,
            "minutes": e.minutes,
            "solved": e.slug in done,
        }
        for e in catalog.exercises
    ]
    click.echo(json.dumps(entries, indent=1))


@click.command()
@click.argument("name")
@click.pass_obj
def show(catalog: Catalog, name: str) -> None:
    """The task of an exercise."""
    from rich.markdown import Markdown  # slow to import, and of no use to `grader check`

    Console().print(Markdown(catalog.find(name).readme.read_text(encoding="utf-8")))


@click.command()
@click.argument("name")
@click.pass_obj
def hint(catalog: Catalog, name: str) -> None:
    """The next hint of an exercise (there are three)."""
    exercise = catalog.find(name)
    number, text = progress.next_hint(exercise)
    click.echo(f"Hint {number} of {len(exercise.hints)}: {text}")


@click.command()
@click.argument("name")
@click.pass_obj
def reset(catalog: Catalog, name: str) -> None:
    """Bring the stub back; your file is kept beside it."""
    exercise = catalog.find(name)
    kept = scaffold.reset(exercise)
    if kept is not None:
        click.echo(f"Your file is kept as {kept.relative_to(catalog.root).as_posix()}.")
    click.echo(f"{exercise.stub.relative_to(catalog.root).as_posix()} is the stub again.")


COMMANDS: tuple[click.Command, ...] = (list_, show, hint, reset)
