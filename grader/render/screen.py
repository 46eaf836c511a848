"""What can be shown where the output goes: how wide, which characters; and the printing itself."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console
from rich.text import Text

WIDTH = 80  # columns, where nobody can tell
WIDEST = 100  # longer lines are hard to read
# What the exercises' READMEs, Rich and our own pictures use, in ASCII.
PLAIN = str.maketrans(
    {"★": "*", "•": "*", "…": "...", "±": "+-", "²": "^2", "⁶": "^6", "▶": ">"}
    | dict.fromkeys("─━═╌", "-") | dict.fromkeys("│┃║▌", "|") | dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇╈╔╗╚╝", "+")
)  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """`columns` is the width to keep to; where `unicode` is False, only ASCII is sure to be shown."""

    columns: int = WIDTH
    unicode: bool = True

    def glyphs(self, text: str) -> str:
        """`text` with our own arrows, stars and frames in ASCII where nothing else can be shown."""
        return text if self.unicode else text.translate(PLAIN)


def screen_of(stream: IO[str]) -> Screen:
    columns = Console(file=stream).width if stream.isatty() or os.environ.get("COLUMNS") else WIDTH
    return Screen(max(20, min(columns, WIDEST)), can_show("─▶★…", stream))


def can_show(text: str, stream: IO[str]) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def never_fail() -> None:
    """What an output cannot encode is shown as an escape from now on; a cp1252 console must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):  # a stream that somebody put in its place
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


class _Printer(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the command here, with the exit code of a submission that did not pass."""
        _into_nothing()


def show(lines: Iterable[Text]) -> None:
    """Print lines that keep to the screen's width by themselves. A reader that went away (`| head`) is no fault:
    the rest goes nowhere, and the command goes on with what else it has to do."""
    console = _Printer(highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def say(text: str) -> None:
    """The same for plain text that needs no style and is not wrapped."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _into_nothing()


def finish() -> None:
    """Write what is left, so that Python itself has nothing to complain about at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _into_nothing()


def _into_nothing() -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """Lines of at most so many columns; those after the first begin with `indent`. Wide characters count twice."""
    found = []
    for line in text.split("\n"):
        margin = line[: len(line) - len(line.lstrip(" "))][: columns // 2]
        for part in textwrap.wrap(line.strip(" "), columns, initial_indent=margin, subsequent_indent=margin + indent):
            found += chop_cells(part, columns) if cell_len(part) > columns else [part]
    return found


def cut(text: str, columns: int) -> str:
    """The beginning of one line, with "..." where something is missing."""
    return text if cell_len(text) <= columns else set_cell_size(text, max(0, columns - 3)).rstrip() + "..."


def width(text: str) -> int:
    return cell_len(text)
