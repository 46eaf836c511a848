"""What the tests of the explorer share: a program as text, explored, here or by another Python."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader import explore_bench
from grader.explore import Exploration, Options, Outcome, Program

PYTHONS = explore_bench.pythons()


def main(module: Any) -> Any:
    return module.main()


def explored(
    folder: Path, source: str, scenario: Callable[[Any], Any] = main, *, schedules: int = 40, **options: Any
) -> tuple[Exploration, list[Outcome]]:
    """All schedules of `scenario`, by default the program's own `main`: the exploration at its end, and the outcomes."""
    path = folder / "work.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    chosen = Options(schedules=schedules, seconds=60.0, **options)
    exploration = Exploration(scenario, Program([path]), options=chosen)
    return exploration, list(exploration)


def values(outcomes: list[Outcome]) -> list[Any]:
    return [outcome.value for outcome in outcomes]


def told(exploration: Exploration) -> str:
    """The failure in words, with what the locks say about it; "" if there is none."""
    failure = exploration.failure
    return f"{failure.kind}: {failure.message} {failure.note}".strip() if failure else ""


def printed(python: str, script: str, argument: object, **environment: str) -> Any:
    """What the script prints as JSON. It gets the argument as JSON, and may import the explorer, but no other package."""
    root = str(explore_bench.CORPUS.parents[2])
    done = subprocess.run(
        [python, "-c", script, json.dumps(argument)],
        env={**os.environ, "PYTHONPATH": root, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)
