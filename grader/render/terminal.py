"""Reports for the terminal: readable at 80 columns and without colour."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from rich.text import Text

from grader.verdict import NOT_MEASURED, CheckResult, ExerciseResult, Report, Verdict

WIDTH = 80
MOST_LINES = 8
STYLE = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.HUNG: "red",
    Verdict.CRASHED: "red",
    Verdict.NOT_STARTED: "cyan",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "magenta",
}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: str) -> str:
    """Text of a submission, with everything that could steer a terminal made visible."""
    return CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text.replace("\t", "    "))


def check_line(check: CheckResult) -> Text:
    verdict, style = str(check.verdict).replace("_", " "), STYLE[check.verdict]
    if check.message == NOT_MEASURED:  # it costs its points, and yet nobody has seen it fail
        verdict, style = "not measured", "dim"
    return Text.assemble((f"  {verdict:<13}", style), safe(check.title))


def exercise(result: ExerciseResult) -> Iterator[Text]:
    """The exercise's verdict, the first failure in full, the others one line each."""
    verdict = str(result.verdict).replace("_", " ")
    passed = sum(check.verdict is Verdict.PASSED for check in result.checks)
    head = f"{result.name}: {verdict}, {result.score} of {result.max_score} points"
    yield Text.assemble((head, f"bold {STYLE[result.verdict]}"), f"  ({passed} of {len(result.checks)} checks passed)")
    if result.verdict is Verdict.NOT_STARTED:
        yield Text(f"  Not started yet. `grader show {result.name}` tells the task.")
        return
    bad = [c for c in result.checks if c.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE)]
    if bad:
        yield from failure(bad[0], result)
    same = [check for check in bad[1:] if check.message == bad[0].message]
    for check in bad[1:]:
        if check not in same:
            yield check_line(check)
    if same:
        yield Text(f"  ... and {len(same)} more for the same reason")
    for check in result.checks:
        if check.verdict is Verdict.INCONCLUSIVE:
            yield check_line(check)
            for line in textwrap.wrap(safe(check.message) + " No points lost.", WIDTH - 4):
                yield Text("    " + line, "dim")


def failure(check: CheckResult, result: ExerciseResult) -> Iterator[Text]:
    """At most eight lines below the check's own: what happened, the evidence, the idea, the next step."""
    yield check_line(check)
    advice = textwrap.wrap("Think: " + safe(check.advice), WIDTH - 4)[:3] if check.advice else []
    token = (check.evidence or {}).get("token")
    step = [f"See it: grader replay {result.name} {safe(str(token))}{_which(result)}"] if token else []
    lines: list[str] = []
    for line in check.message.splitlines():
        lines += textwrap.wrap(safe(line), WIDTH - 4, subsequent_indent="  ", drop_whitespace=False) or []
    room = MOST_LINES - len(advice) - len(step)
    if len(lines) > room:
        lines = [*lines[: room - 1], "..."]
    for line in lines:
        yield Text("    " + line)
    for line in [*advice, *step]:
        yield Text("    " + line, "cyan")


def _which(result: ExerciseResult) -> str:
    """The option that names the file again, if it was not the exercise's own."""
    path = result.submission["path"]
    own = f"exercises/{result.track}/{result.name}/{result.name}.py"
    return "" if path == own else f" --submission {safe(path)}"


def total(report: Report) -> Text:
    return Text(f"{report.score} of {report.max_score} points", "bold")
