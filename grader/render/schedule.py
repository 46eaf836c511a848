"""A schedule in the terminal: a column for each thread, the line it is about to run, and what changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from grader.render.screen import Screen, cut, width
from grader.text import visible

Step = dict[str, Any]
PLAIN = Screen()


def names(steps: Sequence[Step]) -> list[str]:
    """The threads, in the order in which they first run."""
    return list(dict.fromkeys(str(step["thread"]) for step in steps))


def legend(steps: Sequence[Step]) -> Iterator[Text]:
    for number, name in enumerate(names(steps), 1):
        yield Text.assemble(f"  {number} ", (visible(name, one_line=True), "bold"))


def rows(steps: Sequence[Step], screen: Screen = PLAIN) -> Iterator[Text]:
    """One text a step: lanes, line, source, and what is new: variables, the locks that this thread holds, its waiting."""
    threads = names(steps)
    known: dict[tuple[str, str], str] = {}
    held: dict[str, str] = {}
    last = None
    for step in steps:
        lane = threads.index(step["thread"])
        marks = " ".join("*" if number == lane else "|" for number in range(len(threads)))
        switched = last is not None and last != lane
        last = lane
        head = f"  {marks}  {step['line']:>4}  "
        room = max(10, screen.columns - len(head))
        source = cut(visible(step["source"], one_line=True), room)
        row = Text.assemble(head, (source, "bold" if switched else ""))
        if changed := [*(f"{name}={value}" for name, value in changes(step, known)), *_locks(step, held)]:
            text = cut(visible(", ".join(changed), one_line=True), room)
            gap = "  " if width(source) + width(text) + 2 <= room else "\n" + " " * len(head)
            row.append(gap + text, "cyan")
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


def _locks(step: Step, held: dict[str, str]) -> list[str]:
    """What this thread holds before the line runs, if that has changed, and the lock for which it then had to wait."""
    told = []
    holds, waits = step.get("holds"), step.get("waits")
    now = ", ".join(map(str, holds)) if isinstance(holds, list) else ""
    if held.get(step["thread"], "") != now:
        held[step["thread"]] = now
        told.append(f"holds {now}" if now else "holds no lock")
    if waits:
        told.append(f"waits for {waits}")
    return told
