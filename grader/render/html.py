"""A report as one page that needs nothing else: no network, no other file, and no script to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from grader.judge import trace
from grader.render import charts, commands, drawings, lanes, listing, runs
from grader.render.lanes import Lanes
from grader.render.listing import Line
from grader.render.pages import MARKS, rendered
from grader.verdict import NOT_MEASURED, CheckResult, ExerciseResult, Report, Verdict

NAMED = 3  # what the message about a leak names


@dataclass(frozen=True)
class Figure:
    """A picture, its title, and what it shows in words."""

    title: str
    picture: Markup
    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Walk:
    """A schedule to step through: its picture, its steps, and the lines of the source that they run."""

    figure: Figure
    lanes: Lanes
    file: str
    lines: list[Line]


@dataclass(frozen=True)
class Check:
    """One check as the page shows it. `key` is unique on the page."""

    key: str
    result: CheckResult
    mark: str
    verdict: str
    lead: str
    more: str
    command: str
    walk: Walk | None = None
    figures: tuple[Figure, ...] = ()
    stacks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.result.verdict is not Verdict.PASSED and self.result.message != NOT_MEASURED

    @property
    def is_bad(self) -> bool:
        return self.is_open and self.result.verdict is not Verdict.INCONCLUSIVE

    @property
    def asks(self) -> bool:
        """Is the advice something to think about? Else it says what to do, or that nothing need be done."""
        return self.result.verdict in (Verdict.FAILED, Verdict.HUNG, Verdict.CRASHED)


@dataclass(frozen=True)
class Exercise:
    key: str
    result: ExerciseResult
    mark: str
    verdict: str
    passed: int
    checks: tuple[Check, ...]
    source: tuple[Line, ...] = field(default=())


def page(report: Report, sources: Mapping[str, str] | None = None) -> str:
    """The page. `sources`: texts of submissions by their SHA-256, as the report names it; what is not there is not shown."""
    exercises = [_exercise(f"e{n}", result, sources or {}) for n, result in enumerate(report.exercises, 1)]
    return rendered(
        "report.html", ("report.css",), ("print.js", "report.js"), report=report, exercises=exercises,
        title=exercises[0].result.name if len(exercises) == 1 else f"{len(exercises)} exercises",
    )  # fmt: skip


def _exercise(key: str, result: ExerciseResult, sources: Mapping[str, str]) -> Exercise:
    source = sources.get(str(result.submission.get("sha256")))
    checks = tuple(_check(f"{key}c{n}", check, result, source) for n, check in enumerate(result.checks, 1))
    return Exercise(
        key, result, MARKS[result.verdict], result.verdict.words,
        sum(check.verdict is Verdict.PASSED for check in result.checks), checks,
        tuple(listing.highlighted(source)) if source is not None else (),
    )  # fmt: skip


def _check(key: str, check: CheckResult, result: ExerciseResult, source: str | None) -> Check:
    evidence = check.evidence or {}
    lead, more = _message(check, evidence)
    unmeasured = check.message == NOT_MEASURED
    return Check(
        key, check, "-" if unmeasured else MARKS[check.verdict], "not measured" if unmeasured else check.verdict.words,
        lead, more, " ".join(commands.replay(check, result)), _walk(key, check, f"{result.name}.py", source),
        tuple(_figures(key, check)), _stacks(evidence), tuple(_left(evidence)),
    )  # fmt: skip


def _left(evidence: Mapping[str, Any]) -> list[str]:
    """What was left behind, where the message does not name all of it."""
    left = [str(thing) for thing in evidence.get("left") or ()]
    return left if len(left) > NAMED else []


def _message(check: CheckResult, evidence: Mapping[str, Any]) -> tuple[str, str]:
    """What happened, and the rest of the message; without the lines that a terminal shows in place of the picture."""
    steps = lanes.steps_of(evidence)
    drawn = {*trace.lines(steps), *trace.lines(steps, 2)} if steps else set()
    lead, *rest = check.message.split("\n")
    return lead, "\n".join(line for line in rest if line not in drawn)


def _walk(key: str, check: CheckResult, file: str, source: str | None) -> Walk | None:
    evidence = check.evidence or {}
    if not evidence.get("steps"):
        return None
    picture = lanes.lanes(evidence, check.file, check.line)
    mark = "nobody can go on" if evidence.get("type") == "deadlock" else "fails here" if check.line else "seen here"
    title = "The schedule that went wrong"
    drawing = drawings.schedule(picture, key, title, mark)
    return Walk(
        Figure(title, drawing, lanes.in_words(picture)), picture, file, listing.excerpt(source, file, picture.moments)
    )


def _figures(key: str, check: CheckResult) -> list[Figure]:
    evidence = check.evidence or {}
    figures = []
    if waits := evidence.get("cycle") or evidence.get("waits"):
        graph = lanes.graph(waits)
        notes = tuple(f"{number}. {lanes.sentence(edge)}" for number, edge in enumerate(graph.edges, 1))
        title = "Who waits for whom"
        if any(edge.holder for edge in graph.edges):  # else the message says it all
            figures.append(Figure(title, drawings.wait_graph(graph, f"{key}g", title), " ".join(notes), notes))
    if evidence.get("trials"):
        dots = runs.dots(evidence)
        title = "Times as fast as one after the other"
        said = charts.trials_in_words(dots)
        figures.append(Figure(title, charts.trials(dots, title), said, (said,)))
    if found := evidence.get("timeline"):
        timeline = runs.timeline(found)
        said = charts.runs_in_words(timeline)
        title = "What the judge saw from outside"
        figures.append(Figure(title, charts.runs(timeline, title), said, (said, *_left_out(found))))
    return figures


def _left_out(found: Mapping[str, Any]) -> list[str]:
    """What a long run recorded no more."""
    return [
        f"{found[key]} more {what} are not shown."
        for key, what in (("requests_left_out", "requests"), ("calls_left_out", "calls"))
        if found.get(key)
    ]


def _stacks(evidence: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Where threads and tasks stood, or the way of an exception: a title and its lines."""
    found = []
    if frames := evidence.get("frames"):
        title = f"The way of {evidence.get('exception', 'the exception')}, outermost first"
        found.append((title, tuple(_place(f["file"], f["line"], f["function"], f["source"]) for f in frames)))
    for what in ("threads", "tasks"):
        for one in evidence.get(what) or ():
            places = tuple(_place(*frame[:4]) for frame in one.get("frames") or ())
            if places:
                name = "The main thread" if one["name"] == "MainThread" else one["name"]
                found.append((f"{name} stands here", places))
    if children := evidence.get("children"):
        found.append(("Child processes", tuple(map(str, children))))
    return tuple(found)


def _place(file: Any, line: Any, function: Any, source: Any) -> str:
    return f"{file}:{line} in {function}()" + (f": {str(source).strip()}" if source else "")
