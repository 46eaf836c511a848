"""`grader` alone, and the small commands of those who learn: list, show, hint, reset."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

import click
from rich.console import Console
from rich.text import Text

from grader import progress, scaffold, standing
from grader.catalog import Catalog, Exercise
from grader.render import markdown, screen
from grader.render.screen import screen_of, show, wrapped

# For `less`, where nobody has set it up: colours, the text stays on the screen, and how to leave.
LESS = "RX Ps" + "Space\\: next page   b\\: back   q\\: leave$"


def where_you_stand(catalog: Catalog) -> None:
    show(overview(catalog))


def overview(catalog: Catalog) -> Iterator[Text]:
    """Where a student stands, for the screen that there is."""
    following = progress.next_exercise(catalog)
    return standing.standing(catalog, progress.marks(catalog.root), following, screen_of(sys.stdout))


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(catalog: Catalog, as_json: bool) -> None:
    """All exercises."""
    if not as_json:
        show(standing.everything(catalog, progress.marks(catalog.root), screen_of(sys.stdout)))
        return
    done = progress.solved(catalog.root)
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
    screen.say(json.dumps(entries, indent=1))


@click.command("show")
@click.argument("name")
@click.option("--pager/--no-pager", default=None, help="Page by page (default: on a terminal that is too small).")
@click.pass_obj
def show_(catalog: Catalog, name: str, pager: bool | None) -> None:
    """The task of an exercise."""
    task = markdown.rendered(catalog.find(name).readme.read_text(encoding="utf-8"), screen_of(sys.stdout))
    on_a_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    too_long = task.count("\n") >= Console().height
    if pager or (pager is None and on_a_terminal and too_long):
        os.environ.setdefault("LESS", LESS)
        click.echo_via_pager(task)
        return
    show([Text.from_ansi(task.rstrip("\n"))])


@click.command()
@click.argument("name")
@click.option("--again", is_flag=True, help="Those that you have seen, and no new one.")
@click.pass_obj
def hint(catalog: Catalog, name: str, again: bool) -> None:
    """The next hint of an exercise (there are three)."""
    exercise = catalog.find(name)
    seen, last = progress.hints_seen(exercise), len(exercise.hints)
    numbers = range(1, seen + 1) if again else [_next_hint(exercise)]
    if not numbers:
        screen.say(f"No hint of {exercise.slug} was seen yet. `grader hint {exercise.slug}` gives the first.")
        return
    columns = screen_of(sys.stdout).columns
    for number in numbers:
        for line in wrapped(f"Hint {number} of {last}: {exercise.hints[number - 1]}", columns, "  "):
            screen.say(line)
    if numbers[-1] == last:
        for line in wrapped(_after_the_last(exercise), columns):
            screen.say(line)


def _next_hint(exercise: Exercise) -> int:
    try:
        return progress.next_hint(exercise)[0]
    except OSError as error:  # only a memory aid: the hint is told without it
        click.echo(f"grader: it could not be remembered that you saw this hint: {error.strerror}.", err=True)
        return min(progress.hints_seen(exercise) + 1, len(exercise.hints))


def _after_the_last(exercise: Exercise) -> str:
    slug = exercise.slug
    return (
        f"That is the last hint. What else helps: `grader show {slug}` is the contract, word by word; `grader check {slug}` "
        "shows a bad schedule where there is one, and the command that plays it step by step."
    )


@click.command()
@click.argument("name")
@click.pass_obj
def reset(catalog: Catalog, name: str) -> None:
    """Bring the stub back; your file is kept beside it."""
    exercise = catalog.find(name)
    kept = scaffold.reset(exercise)
    if kept is not None:
        screen.say(f"Your file is kept as {kept.relative_to(catalog.root).as_posix()}.")
    screen.say(f"{exercise.stub.relative_to(catalog.root).as_posix()} is the stub again.")


COMMANDS: tuple[click.Command, ...] = (list_, show_, hint, reset)
