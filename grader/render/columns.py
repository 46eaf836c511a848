"""The schedule of a failure in a few lines: two threads side by side, or one line after the other as in the message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grader.judge import trace
from grader.render.screen import Screen, cut, width
from grader.text import visible

LEAST = 10  # columns between the beginnings of the two threads
CODE = 12  # columns of a line of code that are worth more than what comes after it
NARROW = 40  # columns: less is too little for a line of code
LEFT_OUT = "(the beginning is left out)"
Step = dict[str, Any]


def steps_of(evidence: dict[str, Any]) -> list[Step]:
    """The steps of a report, if all of them have the form that they should have; else none."""
    steps = evidence.get("steps")
    return steps if isinstance(steps, list) and all(map(_sound, steps)) else []


def _sound(step: Any) -> bool:
    return (
        isinstance(step, dict)
        and all(isinstance(step.get(key), str) for key in ("thread", "function", "source"))
        and isinstance(step.get("line"), int)
        and isinstance(step.get("state"), dict)
    )


def picture(steps: list[Step], room: int, screen: Screen, columns: int) -> list[str]:
    """At most `room` lines of at most so many columns. The end is always there: what goes wrong goes wrong at the end."""
    stretches = trace.told(steps)
    side_by_side = [] if len(stretches) == room else _side_by_side(stretches, room, screen, columns)
    return side_by_side or _one_by_one(stretches, room, columns)


def _one_by_one(stretches: Sequence[trace.Stretch], room: int, columns: int) -> list[str]:
    shown = stretches[-room:] if room > 0 else []
    heads = [visible(f"{stretch.step['thread']}: line {stretch.step['line']}: ", one_line=True) for stretch in shown]
    if len(shown) < len(stretches) and heads:
        heads[0] = f"... {heads[0]}"
    fullest = [head + _cell(stretch, 1000, locks=True) for head, stretch in zip(heads, shown, strict=True)]
    if all(width(line) <= columns for line in fullest):
        return fullest
    return [
        cut(head + _cell(stretch, columns - width(head)), columns) for head, stretch in zip(heads, shown, strict=True)
    ]


def _side_by_side(stretches: Sequence[trace.Stretch], room: int, screen: Screen, columns: int) -> list[str]:
    """A header and a line for each stretch; empty if there are not two threads, or not enough room."""
    names = list(dict.fromkeys(stretch.step["thread"] for stretch in stretches))
    if len(names) != 2 or room < 3:
        return []
    shown = stretches[-(room - 1) :]
    left, right = (visible(name, one_line=True) for name in names)
    if len(shown) < len(stretches):
        right += f"  {LEFT_OUT}"
    mine = [stretch.step["thread"] == names[0] for stretch in shown]
    room_of = {True: columns, False: columns - max(width(left) + 3, LEAST)}
    if room_of[False] < NARROW:
        return []

    def cells(locks: bool, shortened: bool = False) -> list[tuple[bool, str]]:
        heads = [f"{stretch.step['line']} " for stretch in shown]
        rooms = [room_of[side] if shortened else 1000 for side in mine]
        return [
            (side, head + _cell(stretch, most - len(head), locks))
            for side, head, stretch, most in zip(mine, heads, shown, rooms, strict=True)
        ]

    for told in (cells(locks=True), cells(locks=False), cells(locks=False, shortened=True)):
        if rows := _table([(True, left), *told], right, screen, columns):
            return rows
    return []


def _table(cells: Sequence[tuple[bool, str]], right: str, screen: Screen, columns: int) -> list[str]:
    """The first cell is the left one's name. Empty if it does not fit.

    Only one thread runs at a time, so a long line of the left one may reach into the right one's column.
    """
    widest = [max([width(text) for mine, text in cells if mine is side], default=0) for side in (True, False)]
    widest[1] = max(widest[1], width(right))
    start = min(widest[0] + 3, columns - widest[1])
    if start < max(width(cells[0][1]) + 3, LEAST) or widest[0] > columns:
        return []
    bar = screen.glyphs("│")

    def row(mine: str, other: str) -> str:
        gap = start - 2 - width(mine)
        return (f"{mine}{' ' * gap}{bar} {other}" if gap > 0 else mine).rstrip()

    return [row(cells[0][1], right), *(row(text, "") if mine else row("", text) for mine, text in cells[1:])]


def _cell(stretch: trace.Stretch, room: int, locks: bool = False) -> str:
    """What ran, the variables that it names, the locks that were held, and where the thread was stopped."""
    step, waits = stretch.step, stretch.last.get("waits")
    known = [part for part in (trace.state(step).strip()[1:-1], _held(step) if locks else "") if part]
    end = f" ... stops at line {stretch.stopped}" if stretch.stopped else ""
    if isinstance(waits, str) and waits:
        end = f" ... waits for {waits}"
    end = visible(end, one_line=True)
    if room - width(end) < CODE:
        end = ""
    text = visible(step["source"] + (f"  ({'; '.join(known)})" if known else ""), one_line=True)
    return cut(text, room - width(end)) + end


def _held(step: Step) -> str:
    holds = step.get("holds")
    labels = [label for label in holds if isinstance(label, str)] if isinstance(holds, list) else []
    return f"holds {', '.join(labels)}" if labels else ""
