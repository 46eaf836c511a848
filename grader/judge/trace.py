"""A schedule in a few lines of text: one line for each stretch of a thread, with the variables that the line names.

What comes from the submission's process is checked here for its form, so that a hostile answer cannot break a report.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.sandbox.wire import LAST_LINE

MOST_STEPS, MOST_VARIABLES, MOST_LOCKS = 400, 50, 20
SCHEDULE = re.compile(r"[\w.-]{1,20000}", re.ASCII)
ROOM, WIDTH = 5, 76  # lines, columns
WORD = re.compile(r"(?:self\.)?[A-Za-z_]\w*")


def place_in_checks(error: BaseException) -> str:
    """Where in a check file this exception came from, for the one who has to mend it; empty if it came from elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if Path(f.filename).name.startswith("test_")), None)
    return f" ({Path(place.filename).name}:{place.lineno})" if place else ""


def steps_of(found: Any) -> list[dict[str, Any]]:
    """The steps of an answer, in the form of the report: thread, file, line, function, source, state; holds and waits, if any."""
    steps = found.get("steps") if isinstance(found, dict) else None
    return [_step(step) for step in (steps if isinstance(steps, list) else [])[:MOST_STEPS] if isinstance(step, dict)]


def _step(step: dict[str, Any]) -> dict[str, Any]:
    line, state = step.get("line"), step.get("state")
    known = list(state.items())[:MOST_VARIABLES] if isinstance(state, dict) else []
    holds, waits = step.get("holds"), step.get("waits")
    locks = [lock[:200] for lock in holds if isinstance(lock, str)] if isinstance(holds, list) else []
    return {
        "thread": str(step.get("actor", "?"))[:60],
        "file": str(step.get("file", ""))[:200],
        "line": number_of(line),
        "function": str(step.get("function", ""))[:100],
        "source": str(step.get("source", ""))[:200],
        "state": {str(k)[:60]: str(v)[:100] for k, v in known},
        **({"holds": locks[:MOST_LOCKS]} if locks else {}),
        **({"waits": waits[:200]} if isinstance(waits, str) and waits else {}),
    }


def number_of(line: Any) -> int:
    """A line number, 0 for anything else."""
    return int(line) if isinstance(line, int) and 0 <= line <= LAST_LINE else 0


def schedule_of(found: dict[str, Any]) -> str:
    """The text that replays a schedule, if it looks like one: it is printed, and pasted into a shell."""
    text = found.get("schedule")
    return text if isinstance(text, str) and SCHEDULE.fullmatch(text) else "0"


def waits_of(found: Any) -> list[dict[str, Any]]:
    """Who waits for what, held by whom: the cycle of the report."""
    waits = [wait for wait in (found if isinstance(found, list) else [])[:50] if isinstance(wait, dict)]
    return [
        {
            "thread": str(wait.get("actor", "?"))[:60],
            "waits": str(wait.get("what", ""))[:100],
            "file": str(wait.get("file", ""))[:200],
            "line": number_of(wait.get("line")),
            "source": str(wait.get("source", ""))[:200],
            "label": str(wait.get("label", ""))[:200],
            "holder": str(wait.get("holder", ""))[:80],
            "holder_line": number_of(wait.get("holder_line")),
            "holder_label": str(wait.get("holder_label", ""))[:200],
        }
        for wait in waits
    ]


def stretches(steps: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Steps of one thread in a row, after the others had to wait; what `main` did before the threads is left out."""
    groups: list[list[dict[str, Any]]] = []
    alone = {step["thread"] for step in steps} == {"main"}
    for step in steps:
        if step["thread"] == "main" and not alone:
            continue
        if groups and groups[-1][0]["thread"] == step["thread"]:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


@dataclass(frozen=True)
class Stretch:
    """What is told of one stretch: the last line that ran in it, and where the thread stopped if it went on later (else 0)."""

    step: dict[str, Any]
    last: dict[str, Any]
    stopped: int


def told(steps: list[dict[str, Any]]) -> list[Stretch]:
    """Of each stretch, what says most about it."""
    groups = stretches(steps)
    last_of = {group[0]["thread"]: number for number, group in enumerate(groups)}
    return [_told(group, last_of[group[0]["thread"]] > number) for number, group in enumerate(groups)]


def _told(group: list[dict[str, Any]], interrupted: bool) -> Stretch:
    """The last line that the thread has run in this stretch, and where it stops if it has to go on later."""
    last = group[-1]
    done = [step for step in group if not step["source"].startswith("end of: ")]
    if interrupted:
        # The last step is where it stands; what it did before, in the same function, says more.
        done = [step for step in done if step["function"] == last["function"] and step["line"] != last["line"]]
    return Stretch(done[-1] if done else last, last, last["line"] if interrupted else 0)


def lines(steps: list[dict[str, Any]], room: int = ROOM) -> list[str]:
    """At most `room` lines. The beginning is left out first: what goes wrong goes wrong at the end."""
    shown = [_line(stretch) for stretch in told(steps)]
    if len(shown) > room:
        shown = ["...", *shown[-(room - 1) :]]
    return shown


def _line(stretch: Stretch) -> str:
    step = stretch.step
    stops = f" ... stops at line {stretch.stopped}" if stretch.stopped else ""
    text = f"{step['thread']}: line {step['line']}: {step['source']}{state(step)}"
    room = WIDTH - len(stops)
    return (text if len(text) <= room else text[: room - 3] + "...") + stops


def state(step: dict[str, Any]) -> str:
    """The variables that the line itself names, as "  (left=1)"; empty if there are none."""
    named = dict.fromkeys(WORD.findall(step["source"]))
    known = [f"{name.removeprefix('self.')}={step['state'][name]}" for name in named if name in step["state"]]
    return f"  ({', '.join(known[:2])})" if known else ""
