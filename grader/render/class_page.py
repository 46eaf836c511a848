"""A whole class as one page that needs nothing else: points, exercises, misconceptions, who may need help, everybody's marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.classroom.results import WORTH, ClassResults, Graded, Marks, marks
from grader.render import class_charts, class_numbers
from grader.render.class_numbers import MISSING, Ends, Hard, Likely, Misconceptions, Spread
from grader.render.pages import MARKS, rendered
from grader.verdict import ExerciseResult, Verdict

ORDER = (
    "passed", "failed", "hung", "crashed", "not_started", MISSING, "inconclusive", "error",
)  # fmt: skip
WORDS = {MISSING: "not handed in", "error": "fault of the grader", "not_started": "not begun"}


@dataclass(frozen=True)
class Ended:
    """An exercise: its bar, and the same in words."""

    slug: str
    title: str
    picture: Markup
    parts: tuple[tuple[Markup, int, str], ...]  # swatch, people, word


@dataclass(frozen=True)
class Cell:
    """What somebody has in an exercise. `key` sorts it."""

    kind: str
    glyph: str
    mark: str
    verdict: str
    key: int


@dataclass(frozen=True)
class Named:
    """A person, with a link to their report, "" if there is none. `identifier` is "" if it is the name."""

    name: str
    identifier: str
    href: str


@dataclass(frozen=True)
class Row:
    who: Named
    section: str
    total: str
    key: int
    cells: tuple[Cell, ...]
    flags: int


@dataclass(frozen=True)
class Said:
    """Something that a person should look at."""

    who: Named
    kind: str
    exercise: str
    text: str


@dataclass(frozen=True)
class Guess:
    likely: Likely
    about: str
    picture: Markup


def page(
    r: ClassResults, catalog_titles: Mapping[str, str], misconceptions: Misconceptions, hrefs: Mapping[str, str]
) -> str:
    """The page. Titles by slug; misconceptions by slug and check; relative links to reports by identifier."""
    guesses, unknown = class_numbers.likely(r, misconceptions)
    spread = class_numbers.spread(r)
    return rendered(
        "class.html", ("report.css", "class.css"), ("print.js", "class.js"), r=r, spread=spread, histogram=class_charts.histogram(spread, "People by their share of the points"),
        in_words=in_words(spread), full=WORTH * len(r.exercises),
        ended=[_ended(ends, catalog_titles) for ends in class_numbers.ends(r)],
        hardest=class_numbers.hardest(r, misconceptions), title_of=lambda slug: catalog_titles.get(slug, slug),
        bar_of=_bar_of, guesses=_guesses(guesses), unknown=unknown,
        help=[(_named(help_.graded, hrefs), help_) for help_ in class_numbers.needs_help(r)], rules=class_numbers.rules(),
        said=_said(r, hrefs), rows=[_row(one, r.exercises, hrefs) for one in r.people],
        has_sections=any(one.person.section for one in r.people), has_flags=any(one.flags for one in r.people),
    )  # fmt: skip


def in_words(spread: Spread) -> str:
    """The histogram for those who do not see it."""
    if spread.median is None:
        return ""
    known = sum(spread.bins)
    if known == 1:
        return f"One person, with {spread.median:.0%} of the points."
    quarters = f"; the middle half have {spread.quarters[0]:.0%} to {spread.quarters[1]:.0%}" if spread.quarters else ""
    return f"The median of {known} people is {spread.median:.0%} of the points{quarters}."


def _ended(ends: Ends, titles: Mapping[str, str]) -> Ended:
    there = [(kind, ends.counts[kind]) for kind in ORDER if ends.counts.get(kind)]
    said = ", ".join(f"{count} {_word(kind)}" for kind, count in there)
    parts = tuple((class_charts.swatch(kind), count, _word(kind)) for kind, count in there)
    return Ended(ends.slug, titles.get(ends.slug, ends.slug), class_charts.bar(there, said), parts)


def _word(kind: str) -> str:
    return WORDS.get(kind) or Verdict(kind).words


def _bar_of(hard: Hard) -> Markup:
    return class_charts.bar([("failed", hard.failed)], f"{hard.share:.0%} fail", hard.judged)


def _guesses(found: Sequence[Likely]) -> list[Guess]:
    """What rounds to nobody is left out."""
    most = max((likely.weight for likely in found), default=1.0)
    return [
        Guess(likely, f"{about}", class_charts.bar([("guess", about)], f"about {about}", max(1, round(most))))
        for likely in found
        if (about := int(likely.weight + 0.5))
    ]


def _named(one: Graded, hrefs: Mapping[str, str]) -> Named:
    person = one.person
    href = hrefs.get(person.identifier, "")
    return Named(person.shown, person.identifier if person.name else "", href if _is_relative(href) else "")


def _is_relative(href: str) -> bool:
    """Names come from folders that strangers may name: no link may leave this machine or run anything.

    Browsers drop spaces and control characters before they look for a scheme.
    """
    return not re.match(r"[/\\]|[^/?#]*:", re.sub(r"[\x00-\x20]", "", href))


def _said(r: ClassResults, hrefs: Mapping[str, str]) -> list[Said]:
    """Our own faults first: somebody waits for a score because of them."""
    faults = (
        Said(_named(one, hrefs), "fault of the grader", result.name, text)
        for one in r.people
        for result in one.results
        for text in _faults(result)
    )
    flags = (
        Said(_named(one, hrefs), flag.kind, flag.exercise, flag.text) for one in r.people for flag in one.flags
    )  # fmt: skip
    return [*faults, *flags]


def _faults(result: ExerciseResult) -> Iterator[str]:
    """One line, of the first check that could not be judged."""
    if result.verdict is Verdict.ERROR:
        messages = (check.message for check in result.checks if check.verdict is Verdict.ERROR)
        yield next(messages, "").partition("\n")[0] or "It has no results."


def _row(one: Graded, exercises: Sequence[str], hrefs: Mapping[str, str]) -> Row:
    found = marks(one, exercises)
    verdicts = {result.name: result.verdict for result in one.results}
    cells = (_cell(mark, verdicts.get(slug)) for slug, mark in zip(exercises, found.by_exercise, strict=True))
    return Row(_named(one, hrefs), one.person.section, _total(found), found.total, tuple(cells), len(one.flags))


def _total(found: Marks) -> str:
    return f"{found.total}" if found.maximum == found.full else f"{found.total} of {found.maximum}"


def _cell(mark: int | None, verdict: Verdict | None) -> Cell:
    if verdict is None:
        return Cell(MISSING, "", "", _word(MISSING), -2)
    return Cell(
        verdict, MARKS[verdict], "" if mark is None else f"{mark}", _word(verdict), -1 if mark is None else mark
    )
