"""Classes of every kind, made by hand and by dice: what a regrade gives, without grading anything."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from grader.classroom.results import ClassResults, Flag, Graded, Person
from grader.tests.reports import ENVIRONMENT, SHA
from grader.verdict import NOT_MEASURED, CheckResult, ExerciseResult, Kind, Verdict, exercise_result

POINTS = {"correctness": 40, "bounds": 35, "hygiene": 10, "speedup": 15}
CHECKS = (
    ("test_every_addition_counts", "Every addition is counted", Kind.CORRECTNESS),
    ("test_bad_amounts_are_refused", "A bad amount raises ValueError", Kind.FAILURE),
    ("test_no_update_is_lost", "No update is lost between two threads", Kind.SCHEDULES),
    ("test_swaps_always_end", "Two swaps in opposite directions always end", Kind.SCHEDULES),
    ("test_nothing_is_left_behind", "No thread and no file is left behind", Kind.HYGIENE),
    ("test_two_cores_are_faster", "On two cores it is faster than one by one", Kind.SPEEDUP),
)
TITLES = {"counter": "A counter for everybody", "bank": "Transfers between accounts", "pages": "Pages, many at once"}
MISCONCEPTIONS = {
    slug: {
        "test_every_addition_counts": ["M13 works here, so works"],
        "test_no_update_is_lost": ["M03 the GIL makes my code atomic", "M05 locking the change is enough"],
        "test_swaps_always_end": ["M07 more locking is safer"],
        "test_nothing_is_left_behind": ["M17 the process will clean up after me"],
        "test_two_cores_are_faster": ["M02 threads always make it faster"],
    }
    for slug in TITLES
}
HOSTILE = "=cmd|'/c calc'!A1</script><script>alert(1)</script>\"'<img src=x onerror=alert(1)>\u202eevil\n,;+1\x00\x1b[2J\ud800 {{ 7 * 7 }} ::error:: ##[error]"


def result(
    slug: str, *verdicts: Verdict, message: str = "An update was lost.\nthread 2 held no lock."
) -> ExerciseResult:
    """The checks end like this, one after the other; those that are not named pass."""
    checks: list[CheckResult] = []
    for number, (name, title, kind) in enumerate(CHECKS):
        verdict = verdicts[number] if number < len(verdicts) else Verdict.PASSED
        said: dict[str, Any] = (
            {"message": message, "advice": "What must be one step?"} if verdict is not Verdict.PASSED else {}
        )
        check = CheckResult(name, title, kind, verdict, 0.25, **said)
        if kind is Kind.SPEEDUP and any(c.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE) for c in checks):
            check = replace(check, verdict=Verdict.FAILED, message=NOT_MEASURED)
        checks.append(check)
    submission = {"path": f"{slug}.py", "sha256": SHA, "review": []}
    return exercise_result(slug, "threads", checks, POINTS, submission)


P, F, H, C, I, E = (Verdict(v) for v in ("passed", "failed", "hung", "crashed", "inconclusive", "error"))  # noqa: E741 - as they are shown
RIGHT = (P,) * len(CHECKS)
RACY, HUNG, LEAKS, CRASHED = (P, P, F), (P, P, P, H), (P, P, P, P, F), (C,) * 5
UNMEASURED, FAULT, NOTHING = (P, P, P, P, P, I), (P, E), (I,) * len(CHECKS)
EMPTY = (Verdict.NOT_STARTED,) * 5
STUCK_ALONE = (P, F)


def of(people: Sequence[Graded], exercises: Sequence[str] = tuple(TITLES), notes: Sequence[str] = ()) -> ClassResults:
    return ClassResults("2026-11-22T05:40:00Z", 7, dict(ENVIRONMENT), tuple(exercises), tuple(people), tuple(notes))


def graded(person: Person, *ends: Sequence[Verdict] | None, flags: Sequence[Flag] = ()) -> Graded:
    """`ends`: how the checks of the exercises ended, in their order; None for what was not handed in."""
    results = [result(slug, *end) for slug, end in zip(TITLES, ends, strict=False) if end is not None]
    return Graded(person, tuple(results), tuple(flags))


ADA = Person("ada", "Ada Lovelace", "ada@example.org", "1001", "S-1", "alove", "A")
FLAGS = (
    Flag(
        "changed files",
        "counter",
        "2 files differ from ours: tests/threads/test_counter.py, exercises/threads/counter/exercise.toml",
    ),
    Flag("looks at the grader", "bank", "line 3: imports gc"),
)
SMALL = of(
    [
        graded(ADA, RIGHT, RIGHT, RIGHT),
        graded(Person("bo", "Bo Ek", "bo@example.org", "1002"), RACY, LEAKS, UNMEASURED, flags=FLAGS),
        graded(Person("chen", "Chen Øster, Jr.", "", "", "S-3", section="B"), HUNG, EMPTY, None),
        graded(Person("dee", email="dee@example.org"), NOTHING, RACY, FAULT),
        graded(Person("eve", "Eve Ning", "eve@example.org", "", "", "ening"), CRASHED),
        Graded(Person("finn", "Finn", section="A", student_id="1006")),
    ],
    notes=("old.zip cannot be unpacked: File is not a zip file",),
)  # fmt: skip
SPOILT = of(
    [
        Graded(
            Person(*[HOSTILE] * 7),
            (
                result("counter", *RACY, message=HOSTILE),
                replace(result("bank", *CRASHED, message=HOSTILE), track=HOSTILE),
            ),
            (Flag(HOSTILE, HOSTILE, HOSTILE), Flag("claimed score", "", HOSTILE)),
        ),
        Graded(Person("=1+1", "@SUM(A1)", "-1+1@example.org", "+1", " =2", "x;=3", "\t=4")),
    ],
    notes=(HOSTILE,),
)


def many(people: int, seed: int = 1) -> ClassResults:
    """A class in which some are good, some are not, and a few are lost."""
    dice = random.Random(seed)
    ends = (RIGHT, UNMEASURED, RACY, HUNG, LEAKS, CRASHED, EMPTY, None, (F,), (P, P, F, H))
    found = []
    for number in range(people):
        skill = dice.random()
        weights = [8 * skill, skill, 2, 1, 1, 0.3, 1 - skill, 1.5 * (1 - skill), 1 - skill, 1]
        person = Person(
            f"student-{number:03}", f"{dice.choice(NAMES)} {dice.choice(SURNAMES)}", section=dice.choice("AB")
        )
        found.append(graded(person, *dice.choices(ends, weights, k=len(TITLES))))
    return of(found)


NAMES = [
    "Ada",
    "Bo",
    "Chen",
    "Dee",
    "Eve",
    "Finn",
    "Gül",
    "Hana",
    "Ivo",
    "Jun",
    "Kofi",
    "Lea",
    "Mio",
    "Noor",
    "Oki",
    "Pia",
]
SURNAMES = [
    "Abel",
    "Berg",
    "Costa",
    "Duarte",
    "Ek",
    "Fofana",
    "Gupta",
    "Haas",
    "Ito",
    "Jansen",
    "Kaya",
    "Lund",
    "Mensah",
    "Nowak",
    "Okoye",
    "Park",
]
CLASSES = {
    "nobody": of([], ()),
    "one": of([graded(ADA, RACY, RIGHT, None)]),
    "all passed": of([graded(replace(ADA, identifier=f"p{n}"), RIGHT, RIGHT, RIGHT) for n in range(12)]),
    "small": SMALL,
    "spoilt": SPOILT,
    "many": many(300),
}
