"""Reports for the terminal: readable at 80 columns and without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.text import Text

from grader.render import commands
from grader.text import visible
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


def check_line(check: CheckResult) -> Text:
    verdict, style = str(check.verdict).replace("_", " "), STYLE[check.verdict]
    if check.message == NOT_MEASURED:  # it costs its points, and yet nobody has seen it fail
        verdict, style = "not measured", "dim"
    return Text.assemble((f"  {verdict:<13}", style), visible(check.title, one_line=True))


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
            for line in textwrap.wrap(visible(check.message) + " No points lost.", WIDTH - 4):
                yield Text("    " + line, "dim")


def failure(check: CheckResult, result: ExerciseResult) -> Iterator[Text]:
    """At most eight lines below the check's own: what happened, the evidence, the idea, the next step."""
    yield check_line(check)
    advice = textwrap.wrap("Think: " + visible(check.advice), WIDTH - 4)[:3] if check.advice else []
    command = commands.replay(check, result)
    step = [f"See it: {command}"] if command else []
    lines: list[str] = []
    for line in check.message.split("\n"):
        lines += textwrap.wrap(visible(line), WIDTH - 4, subsequent_indent="  ", drop_whitespace=False) or []
    room = MOST_LINES - len(advice) - len(step)
    if len(lines) > room:
        lines = [*lines[: room - 1], "..."]
    for line in lines:
        yield Text("    " + line)
    for line in [*advice, *step]:
        yield Text("    " + line, "cyan")


def total(report: Report) -> Text:
    return Text(f"{report.score} of {report.max_score} points", "bold")
