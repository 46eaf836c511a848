"""A class that never was, from the solutions of this repository: for tests and benchmarks of `grader regrade`.

Each person hands in one file for each exercise: right, wrong, not begun, broken, hostile, or the same as somebody else's.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.catalog import Exercise

BROKEN = (
    "def broken(:\n",
    "",
    "import no_such_package\n",
    "raise SystemExit(0)\n",
    "\0\0\0",
)
HOSTILE = (
    "import os\nos._exit(0)\n",
    "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    "while True:\n    pass\n",
    "import sys\nprint('x' * 50_000_000)\nsys.exit(0)\n",
    "import atexit, os\natexit.register(os._exit, 0)\nraise MemoryError\n",
)


@dataclass(frozen=True)
class Kind:
    """`share` of all files; `passes`: what their verdict must be (None: either)."""

    name: str
    share: float
    passes: bool


KINDS = (
    Kind("right", 0.35, True),
    Kind("wrong", 0.35, False),
    Kind("same", 0.15, True),
    Kind("not begun", 0.05, False),
    Kind("broken", 0.06, False),
    Kind("hostile", 0.04, False),
)


def make(folder: Path, exercises: Sequence[Exercise], files: int, seed: int) -> Path:
    """Write `files` submissions below `folder`, and `expected.csv` beside it: identifier, exercise, kind, passes."""
    dice = random.Random(seed)
    table = folder.with_name(f"{folder.name}-expected.csv")
    folder.mkdir(parents=True)
    with open(table, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["identifier", "exercise", "kind", "passes"])
        for number in range(files):
            person, exercise = f"student-{number // len(exercises):04}", exercises[number % len(exercises)]
            kind = dice.choices(KINDS, [kind.share for kind in KINDS])[0]
            place = folder / person / f"{exercise.slug}.py"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(_source(exercise, kind, dice, number))
            rows.writerow([person, exercise.slug, kind.name, kind.passes])
    return table


def _source(exercise: Exercise, kind: Kind, dice: random.Random, number: int) -> bytes:
    own = f"\n# {number}\n".encode()  # makes it a content of its own
    match kind.name:
        case "right":
            return dice.choice([exercise.reference, *exercise.accepted]).read_bytes() + own
        case "wrong":
            return dice.choice(exercise.rejected).read_bytes() + own
        case "same":
            return exercise.reference.read_bytes()
        case "not begun":
            return exercise.stub.read_bytes()
        case "broken":
            return dice.choice(BROKEN).encode() + (own if dice.random() < 0.5 else b"")
    return dice.choice(HOSTILE).encode() + own
