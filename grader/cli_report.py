"""`grader report`, and the files that reports are written to."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from grader.catalog import Catalog
from grader.errors import GraderFault, UsageError
from grader.latest import Sources, latest
from grader.render import junit, perfetto, screen, terminal
from grader.verdict import Report, to_json, write_atomically

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # the disk, the quota or the file's largest size is reached
OUTPUT = click.Path(dir_okay=False, path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])


def outputs(command: F) -> F:
    """The options that write a report to files; `write_all` takes what they give."""
    for name, form in reversed(FORMS.items()):
        command = click.option(f"--{name}", f"{name}_file", type=OUTPUT, help=f"Write the report as {form}.")(command)
    return command


FORMS = {"json": "JSON", "junit": "JUnit XML", "html": "one HTML page", "trace": "a trace for the Perfetto viewer"}


def write_all(report: Report, sources: Sources, files: dict[str, Path | None]) -> None:
    """Write the report in each form that was asked for. `files`: by the names of the options, such as `html_file`."""
    texts: dict[str, Callable[[Report], str]] = {
        "json_file": to_json,
        "junit_file": junit.junit,
        "html_file": partial(_page, sources=sources),
        "trace_file": perfetto.trace,
    }
    for name, text in texts.items():
        path = files.get(name)
        if path is not None:
            write(path, text(report))


def _page(report: Report, sources: Sources) -> str:
    from grader.render.html import page  # templates and highlighting: slow to import, and of no use to most commands

    return page(report, sources)


def write(path: Path, text: str) -> None:
    """Raises UsageError or GraderFault that says what to do."""
    try:
        write_atomically(path, text)
    except OSError as error:
        kind = GraderFault if error.errno in FULL else UsageError
        raise kind(f"The report could not be written to {path}: {error.strerror}. {remedy(error)}") from error


def remedy(error: OSError) -> str:
    if error.errno in FULL:
        return "Free some disk space, and run the command again."
    return "Name a file in a folder that you can write to."


@click.command()
@outputs
@click.pass_obj
def report(catalog: Catalog, /, **files: Path | None) -> None:
    """Show the last report again, or write it as a page, a trace, or for other programs."""
    last, sources = latest(catalog.root)
    write_all(last, sources, files)
    if any(files.values()):
        return
    here = screen.screen_of(sys.stdout)
    for result in last.exercises:
        screen.show(terminal.exercise(result, here))
    if len(last.exercises) > 1:
        screen.show([terminal.total(last)])
