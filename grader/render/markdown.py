"""Markdown as a terminal shows it: the tasks of exercises."""

from __future__ import annotations

import io

from rich.console import Console

from grader.render.screen import Screen


def rendered(text: str, on: Screen) -> str:
    """A README as the terminal shows it, with its colours."""
    from rich.markdown import Markdown  # slow to import, and of no use to `grader check`

    here = Console()
    file = io.StringIO()
    colours = here.is_terminal and here.color_system is not None
    console = Console(
        file=file, width=on.columns, force_terminal=colours, color_system="auto" if colours else None, no_color=here.no_color
    )  # fmt: skip
    console.print(Markdown(text))
    lines = [line.rstrip() for line in on.glyphs(file.getvalue()).splitlines()]
    return "".join(f"{line}\n" for number, line in enumerate(lines) if line or (number and lines[number - 1]))
