"""A schedule in the terminal: a column for each thread, the line it is about to run, and what changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from grader.render.terminal import WIDTH
from grader.text import visible

Step = dict[str, Any]


def names(steps: Sequence[Step]) -> list[str]:
    """The threads, in the order in which they first run."""
    return list(dict.fromkeys(str(step["thread"]) for step in steps))


def legend(steps: Sequence[Step]) -> Iterator[Text]:
    for number, name in enumerate(names(steps), 1):
        yield Text.assemble(f"  {number} ", (visible(name, one_line=True), "bold"))


def rows(steps: Sequence[Step]) -> Iterator[Text]:
    """One text a step: lanes, line, source, and the variables that differ from the last time this was seen."""
    threads = names(steps)
    known: dict[tuple[str, str], str] = {}
    last = None
    for step in steps:
        lane = threads.index(step["thread"])
        marks = " ".join("*" if number == lane else "|" for number in range(len(threads)))
        switched = last is not None and last != lane
        last = lane
        head = f"  {marks}  {step['line']:>4}  "
        source = visible(step["source"], one_line=True)[: WIDTH - len(head)]
        changed = [f"{name}={value}" for name, value in changes(step, known)]
        row = Text.assemble(head, (source, "bold" if switched else ""))
        if changed:
            text = visible(", ".join(changed), one_line=True)
            gap = "  " if len(head) + len(source) + len(text) + 2 <= WIDTH else "\n" + " " * len(head)
            row.append(gap + text[: WIDTH - 10], "cyan")
        yield row


def changes(step: Step, known: dict[tuple[str, str], str]) -> list[tuple[str, str]]:
    """The variables that this thread sees for the first time or sees changed; `known` is kept up to date.

    Attributes belong to everybody, locals to the thread.
    """
    changed = []
    for name, value in step["state"].items():
        owner = "" if name.startswith("self.") else step["thread"]
        if known.get((owner, name)) != value:
            known[owner, name] = value
            changed.append((name, value))
    return changed
