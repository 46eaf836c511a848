"""The commands that a report tells people to type next."""

from __future__ import annotations

import shlex

from grader.text import visible
from grader.verdict import CheckResult, ExerciseResult


def replay(check: CheckResult, result: ExerciseResult) -> list[str]:
    """How to play the schedule of a check that failed: parts that stay whole where the line is broken. Empty if there is none."""
    token = (check.evidence or {}).get("token")
    if not token:
        return []
    return ["grader replay", *filter(None, [result.name, _word(str(token)), _which(result)])]


def _which(result: ExerciseResult) -> str:
    """The option that names the file again, if it was not the exercise's own."""
    path = result.submission["path"]
    own = f"exercises/{result.track}/{result.name}/{result.name}.py"
    return "" if path == own else f"--submission {_word(path)}"


def _word(text: str) -> str:
    """One word of a command that people copy into their shell."""
    return shlex.quote(visible(text, one_line=True))
