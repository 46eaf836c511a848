"""Reports for the terminal: readable at 80 columns and without colour."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from grader.judge import trace
from grader.render import columns, commands, pictures
from grader.render.screen import WIDTH, Screen, width, wrapped
from grader.text import visible
from grader.verdict import NOT_MEASURED, CheckResult, ExerciseResult, Report, Verdict

__all__ = ["WIDTH", "check_line", "exercise", "failure", "total"]

MOST_LINES = 8
MOST_ADVICE = 3
MARGIN = "    "
TITLES = 15  # where the titles of checks begin
PLAIN = Screen()
STYLE = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.HUNG: "red",
    Verdict.CRASHED: "red",
    Verdict.NOT_STARTED: "cyan",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "magenta",
}


def check_line(check: CheckResult, screen: Screen = PLAIN) -> Text:
    """Verdict and title; a long title goes on below itself."""
    verdict, style = check.verdict.words, STYLE[check.verdict]
    if check.message == NOT_MEASURED:  # it costs its points, and yet nobody has seen it fail
        verdict, style = "not measured", "dim"
    title = wrapped(visible(check.title, one_line=True), screen.columns - TITLES)
    return Text.assemble((f"  {verdict:<13}", style), f"\n{' ' * TITLES}".join(title))


def exercise(result: ExerciseResult, screen: Screen = PLAIN) -> Iterator[Text]:
    """The exercise's verdict, the first failure in full, the others one line each."""
    yield _head(result, screen)
    if result.verdict is Verdict.NOT_STARTED:
        text = f"Not started yet. `grader show {result.name}` tells the task."
        yield from _indented(wrapped(text, screen.columns - 2), margin="  ")
        return
    bad = [c for c in result.checks if c.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE)]
    if bad:
        yield from failure(bad[0], result, screen)
    same = [check for check in bad[1:] if check.message == bad[0].message]
    for check in bad[1:]:
        if check not in same:
            yield check_line(check, screen)
    if same:
        yield Text(f"  ... and {len(same)} more for the same reason")
    for check in result.checks:
        if check.verdict is Verdict.INCONCLUSIVE:
            yield check_line(check, screen)
            text = visible(check.message) + " No points lost."
            yield from _indented(wrapped(text, screen.columns - len(MARGIN)), "dim")


def _head(result: ExerciseResult, screen: Screen) -> Text:
    verdict = result.verdict.words
    passed = sum(check.verdict is Verdict.PASSED for check in result.checks)
    head = f"{result.name}: {verdict}, {result.score} of {result.max_score} points"
    count = f"({passed} of {len(result.checks)} checks passed)"
    gap = "  " if len(head) + len(count) + 2 <= screen.columns else "\n  "
    return Text.assemble((head, f"bold {STYLE[result.verdict]}"), gap, count)


def failure(check: CheckResult, result: ExerciseResult, screen: Screen = PLAIN) -> Iterator[Text]:
    """At most eight lines below the check's own: what happened, the evidence, the idea, the next step."""
    yield check_line(check, screen)
    room = screen.columns - len(MARGIN)
    advice = wrapped("Think: " + visible(check.advice), room) if check.advice else []
    step = _next_step(check, result, room)
    left = MOST_LINES - len(step)
    happened = _happened(check, left - min(len(advice), MOST_ADVICE), screen)
    yield from _indented(happened)
    yield from _indented([*_first(advice, left - len(happened)), *step], "cyan")


def _indented(lines: list[str], style: str = "", margin: str = MARGIN) -> Iterator[Text]:
    for line in lines:
        yield Text(margin + line, style)


def _first(lines: list[str], most: int) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], "..."]


def _happened(check: CheckResult, most: int, screen: Screen) -> list[str]:
    """The message, with a picture of the evidence instead of the message's own lines where there is a better one."""
    evidence, room = check.evidence or {}, screen.columns - len(MARGIN)
    steps = columns.steps_of(evidence)
    if steps and (head := _without_trace(check.message, steps)):
        lines = _first(wrapped(visible(head), room, "  "), most)
        return [*lines, *columns.picture(steps, most - len(lines), screen, room)]
    lines = wrapped(visible(check.message), room, "  ")
    pictures_of = {"deadlock": _of_deadlock, "timing": _of_timing}.get(str(evidence.get("type")))
    for form in pictures_of(lines, check, screen, room) if pictures_of else ():
        if len(form) <= most:
            return form
    return _first(lines, most)


def _of_timing(lines: list[str], check: CheckResult, screen: Screen, room: int) -> Iterator[list[str]]:
    yield [*lines, *pictures.bar(check.evidence or {}, room)]


def _of_deadlock(lines: list[str], check: CheckResult, screen: Screen, room: int) -> Iterator[list[str]]:
    """The best form first: the sentence and arrows, else arrows that say the same, else the sentence alone."""
    cycle = (check.evidence or {}).get("cycle")
    if picture := pictures.arrows(cycle, screen, room):
        yield [*lines, *picture]
    if picture := pictures.in_short(cycle, screen, room):
        yield picture
    yield [*lines, *pictures.also_waiting(cycle, check.message, room)]


def _without_trace(message: str, steps: list[columns.Step]) -> str:
    """The message without the lines that show the schedule; "" if it does not end with them."""
    lines = trace.lines(steps)
    told = "\n" + "\n".join(lines)
    if not lines or not message.endswith(told):
        return ""
    happened, _, note = message.removesuffix(told).rpartition("\n")
    # A note on the locks goes on behind the message: it saves a line.
    glue = " " if happened.endswith(".") and not note.startswith(" ") else "\n"
    return f"{happened}{glue}{note}" if happened else note


def _next_step(check: CheckResult, result: ExerciseResult, room: int) -> list[str]:
    """The command to copy. Only between words is it ever broken, in the way of a shell."""
    words = commands.replay(check, result)
    lines = [f"See it: {words[0]}"] if words else []
    for word in words[1:]:
        if width(lines[-1]) + 1 + width(word) <= room - len(" \\"):
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(f"  {word}")
    return lines


def total(report: Report) -> Text:
    return Text(f"{report.score} of {report.max_score} points", "bold")
