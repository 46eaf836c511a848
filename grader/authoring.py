"""What only the authors' repository has. The copies that students and classrooms get (`grader export`) are made without it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from types import ModuleType
from typing import NoReturn

import click

from grader.errors import UsageError

# Commands, and where they are: module and name in it. A copy for students has none of these modules.
COMMANDS = {"dev": ("cli_dev", "dev"), "export": ("cli_classroom", "export"), "regrade": ("cli_regrade", "regrade_")}


def is_here(name: str) -> bool:
    return importlib.util.find_spec(f"grader.{name}") is not None


def module(name: str) -> ModuleType:
    """That module of this package. Raises UsageError in a copy that was made without it."""
    if not is_here(name):
        _elsewhere()
    return importlib.import_module(f"grader.{name}")


def commands() -> Iterator[click.Command]:
    """The commands of authors and teachers; in a copy without them, hidden ones that say where they are."""
    for name, (place, attribute) in COMMANDS.items():
        if is_here(place):
            command = getattr(module(place), attribute)
            assert isinstance(command, click.Command)
            yield command
        else:
            anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
            yield click.Command(name, callback=_elsewhere, hidden=True, context_settings=anything)


def _elsewhere() -> NoReturn:
    raise UsageError(
        "This command belongs to the authors' repository; this copy was made for solving exercises. `grader --help` lists what is here."
    )
