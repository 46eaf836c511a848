"""What an exploration finds, as plain data: the same for threads and for asyncio tasks. Imports nothing of ours."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


class Kind(enum.StrEnum):
    """How a schedule ended, when it did not simply return."""

    RACE = "race"  # an assertion of the scenario failed under this schedule
    EXCEPTION = "exception"
    DEADLOCK = "deadlock"
    LIVELOCK = "livelock"  # the step budget is used up
    LEAK = "leak"
    OUTSIDE_CONTROL = "outside_control"  # real blocking, or not the same twice: no verdict, and never a pass


@dataclass(frozen=True)
class Step:
    """One stretch of one actor at one line. `state` holds the simple variables as they are before the line runs.

    `holds`: the locks of the program that the actor holds then, outermost first; `waits`: the one that it had to wait for
    before it went on. Both by their expressions in the source, as a `Wait` has them.
    """

    actor: str
    file: str
    line: int
    function: str
    source: str
    state: dict[str, str] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True)
class Wait:
    """An actor that waits: for what, where; and who holds it since where, if anybody can be named.

    The labels are the locks' expressions in the source, with the variables in them: "self.locks[name] (name='a')".
    """

    actor: str
    what: str
    file: str
    line: int
    source: str
    label: str = ""
    holder: str = ""
    holder_line: int = 0
    holder_label: str = ""


@dataclass(frozen=True)
class Failure:
    """A schedule that ended badly. `schedule` replays it; `switches` counts its changes of actor that were not forced."""

    kind: Kind
    message: str
    schedule: str
    steps: tuple[Step, ...] = ()
    waits: tuple[Wait, ...] = ()
    place: tuple[str, int] | None = None
    type: str = ""  # class name of the exception
    switches: int = 0
    note: str = ""
    foreign: bool = False  # an exception of code that the program was given, which nobody caught in its thread

    def as_data(self) -> dict[str, Any]:
        """Built-in types only."""
        return {**asdict(self), "kind": self.kind.value}


@dataclass(frozen=True)
class Outcome:
    """A distinct value that the scenario returned, and the first schedule that gave it."""

    value: Any
    schedule: str
    number: int  # of that schedule, from 1


@dataclass(frozen=True)
class Evidence:
    """A short schedule, its steps, its unforced switches, and a sentence about the locks that were held ("" if none)."""

    schedule: str
    steps: tuple[Step, ...]
    switches: int
    note: str = ""


@dataclass(frozen=True)
class Summary:
    """How far a search has come. `bound` is the preemption bound of an exhausted space."""

    schedules: int
    seconds: float
    exhausted: bool = False
    bound: int | None = None

    def __str__(self) -> str:
        if self.exhausted:
            return f"all {self.schedules} schedules with at most {self.bound} preemptions"
        return f"{self.schedules} schedules"


SPURIOUS = 1000  # added to an actor's number: wake it from Condition.wait though nobody notified
IN_TURNS = "t"  # before a schedule: the default is that the next actor runs, not the same one
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(r"(\d+)(?:([a-zA-Z])|_(\d+)_)")


def schedule_text(deviations: Iterable[tuple[int, int]], in_turns: bool = False) -> str:
    """Deviations from the default policy as text: how many decisions later, and who then runs. Empty: "0"."""
    parts, last = [], 0
    for index, choice in sorted(deviations):
        parts.append(str(index - last))
        last = index
        number = choice % SPURIOUS
        if number < len(_LETTERS):
            parts.append(_LETTERS[number].upper() if choice >= SPURIOUS else _LETTERS[number])
        else:
            parts.append(f"_{choice}_")
    return IN_TURNS * in_turns + ("".join(parts) or "0")


def parse_schedule(schedule: str) -> tuple[dict[int, int], bool]:
    """The deviations of a schedule's text, and whether actors run in turns by default. Raises ValueError."""
    text = schedule.removeprefix(IN_TURNS)
    deviations, index, end = {}, 0, 0
    for match in _TOKEN.finditer(text if text != "0" else ""):
        if match.start() != end:
            break
        end = match.end()
        index += int(match[1])
        letter = match[2] or ""
        choice = int(match[3]) if match[3] else _LETTERS.index(letter.lower()) + SPURIOUS * letter.isupper()
        deviations[index] = choice
    if end != len(text) and text != "0":
        raise ValueError(f"{schedule!r} is no schedule")
    return deviations, text != schedule
