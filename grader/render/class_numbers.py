"""What a class page shows, as numbers: how points are spread, where people fail, what may be behind it, who may need help.

Every rule here is a simple count that the page prints in words.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.classroom.results import ClassResults, Graded, marks
from grader.verdict import NOT_MEASURED, CheckResult, ExerciseResult, Verdict

Misconceptions = Mapping[str, Mapping[str, Sequence[str]]]
BAD = (Verdict.FAILED, Verdict.HUNG, Verdict.CRASHED)
JUDGED = (Verdict.PASSED, *BAD)
MISSING = "missing"  # beside the verdicts: it was not handed in
BINS = 10
HARDEST = 10  # checks that are shown
MOST = 10  # misconceptions that are shown
ENOUGH = 10  # others, before one can be alone
FEW = 0.5  # of the points that the middle of the class has
FROM = 5  # people, before there is a middle
NOT_BEGUN = 0.5  # of the exercises


@dataclass(frozen=True)
class Spread:
    """`bins`: people by tenths of the points, the last one with those who have all. `left_out`: no points of theirs count yet."""

    bins: tuple[int, ...]
    median: float | None
    quarters: tuple[float, float] | None
    handed_in_nothing: int
    left_out: int


@dataclass(frozen=True)
class Ends:
    """How an exercise ended: people by verdict, or `MISSING`."""

    slug: str
    counts: Mapping[str, int]

    @property
    def people(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Hard:
    """A check that `failed` of `judged` people fail. `likely`: misconceptions that this repository knows for it."""

    slug: str
    title: str
    failed: int
    judged: int
    likely: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.failed / self.judged


@dataclass(frozen=True)
class Likely:
    """A misconception, and how many first failures it may be behind; where several may be, each counts in part."""

    tag: str
    text: str
    weight: float


@dataclass(frozen=True)
class Help:
    graded: Graded
    share: float
    reasons: tuple[str, ...]


def shares(r: ClassResults) -> list[float]:
    """The part of the points that each person has who handed in something that could be measured."""
    found = (marks(one, r.exercises).share for one in r.people if one.results)
    return [share for share in found if share is not None]


def spread(r: ClassResults) -> Spread:
    known = shares(r)
    places = Counter(min(int(share * BINS), BINS - 1) for share in known)
    first, _, third = statistics.quantiles(known, method="inclusive") if len(known) > 1 else (0.0, 0.0, 0.0)
    nothing = sum(not one.results for one in r.people)
    return Spread(
        tuple(places[n] for n in range(BINS)), statistics.median(known) if known else None,
        (first, third) if len(known) >= FROM else None, nothing, len(r.people) - nothing - len(known),
    )  # fmt: skip


def ends(r: ClassResults) -> list[Ends]:
    found = {slug: Counter[str]() for slug in r.exercises}
    for one in r.people:
        verdicts = {result.name: str(result.verdict) for result in one.results}
        for slug in r.exercises:
            found[slug][verdicts.get(slug, MISSING)] += 1
    return [Ends(slug, counts) for slug, counts in found.items()]


def _judged(result: ExerciseResult) -> Iterator[CheckResult]:
    """Checks that say something about this person: not those that were not begun, or could not be measured."""
    yield from (check for check in result.checks if check.verdict in JUDGED and check.message != NOT_MEASURED)


@dataclass
class _Counts:
    """Of each check, by slug and name: its title, for how many it was judged, and how many fail it."""

    titles: dict[tuple[str, str], str]
    judged: Counter[tuple[str, str]]
    failed: Counter[tuple[str, str]]


def _counted(r: ClassResults) -> _Counts:
    found = _Counts({}, Counter(), Counter())
    for result in (result for one in r.people for result in one.results if result.name in r.exercises):
        for check in _judged(result):
            key = (result.name, check.name)
            found.titles.setdefault(key, check.title)
            found.judged[key] += 1
            found.failed[key] += check.verdict in BAD
    return found


def hardest(r: ClassResults, misconceptions: Misconceptions) -> list[Hard]:
    """The checks that the largest share of people fail, of those for whom they were judged."""
    counts = _counted(r)
    found = [
        Hard(slug, title, failed, counts.judged[slug, name], tuple(misconceptions.get(slug, {}).get(name, ())))
        for (slug, name), title in counts.titles.items()
        if (failed := counts.failed[slug, name])
    ]
    return sorted(found, key=lambda hard: (-hard.share, -hard.failed))[:HARDEST]


def first_failures(r: ClassResults) -> Iterator[tuple[Graded, ExerciseResult, CheckResult]]:
    """For each exercise that somebody did not get right: the first check that failed."""
    for one in r.people:
        for result in one.results:
            check = next((check for check in _judged(result) if check.verdict in BAD), None)
            if check is not None and result.name in r.exercises:
                yield one, result, check


def likely(r: ClassResults, misconceptions: Misconceptions) -> tuple[list[Likely], int]:
    """The misconceptions that may be behind first failures, the most frequent first; and how many failures point to none.

    A file that passes nothing, because it cannot even be imported, points to none.
    """
    said = Counter(text for checks in misconceptions.values() for texts in checks.values() for text in set(texts))
    weights: dict[str, float] = defaultdict(float)
    unknown = 0
    for _, result, check in first_failures(r):
        passes = any(other.verdict is Verdict.PASSED for other in result.checks)
        tags = {_tag(text) for text in misconceptions.get(result.name, {}).get(check.name, ())} if passes else set()
        unknown += not tags
        for tag in tags:
            weights[tag] += 1 / len(tags)
    words = {tag: max((n, text) for text, n in said.items() if _tag(text) == tag)[1] for tag in weights}
    ordered = sorted(weights, key=lambda tag: (-weights[tag], tag))
    return [Likely(tag, words[tag].removeprefix(tag).strip(), weights[tag]) for tag in ordered[:MOST]], unknown


def _tag(text: str) -> str:
    """`M05` of `M05 locking the change is enough (two looks are two moments)`; else the text is its own tag."""
    match = re.match(r"M\d+\b", text)
    return match[0] if match else text


def needs_help(r: ClassResults) -> list[Help]:
    """People for whom one of the rules of `rules` holds; those with the smallest share of the points first."""
    known = shares(r)
    limit = FEW * statistics.median(known) if len(known) >= FROM else None
    alone = _alone(r)
    found = []
    for one in r.people:
        share = marks(one, r.exercises).share
        reasons = [*_reasons(one, r.exercises, share, limit)]
        if slugs := alone.get(one.person.identifier):
            reasons.append(f"is the only one to fail a check of {', '.join(slugs)}")
        if reasons:
            found.append(Help(one, share or 0.0, tuple(reasons)))
    return sorted(found, key=lambda help_: (bool(help_.graded.results), help_.share))


def _reasons(one: Graded, exercises: Sequence[str], share: float | None, limit: float | None) -> Iterator[str]:
    if not one.results:
        yield "handed in nothing"
        return
    if share is not None and limit is not None and share < limit:
        yield f"has {share:.0%} of the points"
    begun = sum(result.name in exercises and result.verdict is not Verdict.NOT_STARTED for result in one.results)
    if len(exercises) - begun >= NOT_BEGUN * len(exercises):
        yield f"has not begun {len(exercises) - begun} of {len(exercises)} exercises"


def _alone(r: ClassResults) -> dict[str, list[str]]:
    """Who is stuck where hardly anybody else is: teaching the whole class would not reach them."""
    counts = _counted(r)
    found: dict[str, list[str]] = {}
    for one, result, check in first_failures(r):
        key = (result.name, check.name)
        if counts.failed[key] == 1 and counts.judged[key] > ENOUGH:
            found.setdefault(one.person.identifier, []).append(result.name)
    return found


def rules() -> list[str]:
    """When somebody is named, in words."""
    return [
        "handed in nothing",
        f"has less than {FEW:.0%} of the points that the middle of the class has (asked from {FROM} people on)",
        f"has not begun at least {NOT_BEGUN:.0%} of the exercises: nothing handed in, or still the stub",
        f"is the only one to fail a check, the first that failed in that exercise (asked where it was judged for at least {ENOUGH} others)",
    ]
