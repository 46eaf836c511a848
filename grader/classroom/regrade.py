"""`grader regrade`: everything that was handed in, graded with the checks of this repository, once for equal sources."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from grader.catalog import Catalog, Exercise
from grader.classroom.collect import Problem
from grader.classroom.marks import without_checks
from grader.classroom.results import Graded, HandedIn, Person
from grader.classroom.slots import Slot
from grader.classroom.store import Store
from grader.classroom.units import Context, Place, Unit, engine_hash, is_right, not_measured, units_of
from grader.errors import GraderFault, UsageError
from grader.grading import Grading, request
from grader.review import review
from grader.verdict import CheckResult, ExerciseResult, Kind, Verdict, exercise_result

CHANGES = 3  # of an exercise's checks, while one unit is graded
Done = Callable[[Unit, float], None]  # a unit has been graded, in so many seconds


@dataclass(frozen=True)
class Source:
    """One content that was handed in, by one person or many; `path` holds it."""

    exercise: Exercise
    path: Path
    sha256: str


@dataclass(frozen=True)
class Refused:
    """What cannot be graded at all: failed, or, where that is not the student's doing, an error."""

    person: Person
    exercise: Exercise
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Plan:
    """Everything to be done."""

    sources: Mapping[tuple[str, str], Source]
    handed: Sequence[tuple[HandedIn, str]]  # with the hash of its content
    refused: Sequence[Refused] = ()


def plan(catalog: Catalog, handed: Sequence[HandedIn], problems: Sequence[Problem] = ()) -> Plan:
    """`problems`: people of whose work something could not be read. What else they handed in is graded."""
    sources: dict[tuple[str, str], Source] = {}
    readable: list[tuple[HandedIn, str]] = []
    refused: list[Refused] = []
    for one in handed:
        exercise = catalog.find(one.slug)
        try:
            content = one.path.read_bytes() if one.path.is_file() else b""
            request(exercise, one.path)
        except OSError as error:
            text = f"{one.path.name} could not be read here: {error.strerror}."
            refused.append(Refused(one.person, exercise, Verdict.ERROR, text))
        except UsageError as error:
            text = str(error).replace(str(one.path), one.path.name)
            refused.append(Refused(one.person, exercise, Verdict.FAILED, text))
        else:
            sha256 = hashlib.sha256(content).hexdigest()
            sources.setdefault((one.slug, sha256), Source(exercise, one.path, sha256))
            readable.append((one, sha256))
    known = {(one.person, one.slug) for one in handed}
    for slug in dict.fromkeys(one.slug for one in handed):
        for problem in problems:
            if (problem.person, slug) not in known:
                known.add((problem.person, slug))
                verdict = Verdict.ERROR if problem.is_ours else Verdict.FAILED
                refused.append(Refused(problem.person, catalog.find(slug), verdict, problem.text))
    return Plan(sources, readable, refused)


def grade_here(plan: Plan, store: Store, context: Context, grading: Grading, jobs: int, done: Done) -> None:
    """Grade what the store does not know yet: first everything that may run side by side, then, alone, what is timed.

    What could not be measured is measured once more when all else is done: the machine may be quieter by then.
    """
    light = list(missing(plan, store, context, timed=False))
    _side_by_side(light, plan, store, context, grading, jobs, done)
    timed = [unit for unit in missing(plan, store, context, timed=True) if is_measured(unit, plan, store, context)]
    _side_by_side(timed, plan, store, context, grading, 1, done)
    unclear = [
        unit
        for unit in timed
        if _is_unclear(known(unit, plan.sources[unit.slug, unit.sha256].exercise, store, context))
    ]
    _side_by_side(unclear, plan, store, context, grading, 1, done)


def _is_unclear(checks: Sequence[CheckResult] | None) -> bool:
    return any(check.verdict is Verdict.INCONCLUSIVE for check in checks or ())


def missing(plan: Plan, store: Store, context: Context, *, timed: bool) -> Iterator[Unit]:
    """In the order of exercises, so that a judge that stands can go on."""
    for (slug, sha256), source in sorted(plan.sources.items()):
        for unit in units_of(source.exercise, sha256):
            if unit.timed is timed and known(unit, source.exercise, store, context) is None:
                assert unit.slug == slug
                yield unit


def known(unit: Unit, exercise: Exercise, store: Store, context: Context) -> list[CheckResult] | None:
    """What has been found out about this unit, here or wherever else it counts."""
    key = _key(unit, exercise, store, context)
    return store.get(key) if key else None


def _key(unit: Unit, exercise: Exercise, store: Store, context: Context) -> str | None:
    """By which the store knows it, if it does."""
    # What is not timed has one key for all machines.
    places = {(place.machine * unit.timed, place.isolation): place for place in store.places if context.counts(place)}
    for place in (context.place, *places.values()):
        key = context.at(place).key(unit, exercise)
        if store.get(key) is not None:
            return key
    return None


def places_of(plan: Plan, store: Store, context: Context) -> list[Place]:
    """Where the units of this plan were graded, each place once."""
    of = ((unit, one.exercise) for one in plan.sources.values() for unit in units_of(one.exercise, one.sha256))
    keys = (_key(unit, exercise, store, context) for unit, exercise in of)
    places = dict.fromkeys(store.place_of(key) for key in keys if key)
    return [place for place in places if place.machine]


def is_measured(unit: Unit, plan: Plan, store: Store, context: Context) -> bool:
    """Is the rest of this submission right, so that its speed counts?"""
    exercise = plan.sources[unit.slug, unit.sha256].exercise
    checks = known(replace(unit, timed=False), exercise, store, context)
    return checks is None or is_right(checks)


def _side_by_side(
    units: Sequence[Unit], plan: Plan, store: Store, context: Context, grading: Grading, jobs: int, done: Done
) -> None:
    waiting = iter(units)
    lock = threading.Lock()

    def work() -> None:
        with Slot(grading) as slot:
            while True:
                with lock:
                    unit = next(waiting, None)
                if unit is None:
                    return
                began = time.monotonic()
                source = plan.sources[unit.slug, unit.sha256]
                key, checks = graded_with_key(slot, unit, source, context)
                store.put(key, unit, checks, context.place)
                done(unit, time.monotonic() - began)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in [pool.submit(work) for _ in range(min(jobs, len(units)))]:
                future.result()
        except BaseException:
            with lock:
                waiting = iter(())
            grading.stop()
            raise


def graded_with_key(slot: Slot, unit: Unit, source: Source, context: Context) -> tuple[str, list[CheckResult]]:
    """With the key of the checks that found it out. Raises GraderFault when they, or the grader, do not stay as they are."""
    for _ in range(CHANGES):
        key = context.key(unit, source.exercise)
        checks = slot.grade(unit, source.exercise, source.path)
        if engine_hash() != context.grader:
            raise GraderFault(
                "The grader itself was changed while it worked. --resume grades anew with what is there now."
            )
        if key == context.key(unit, source.exercise):
            return key, checks
    raise GraderFault(f"The checks of {unit.slug} change again and again. Go on with --resume when they are done.")


def results_of(plan: Plan, store: Store, context: Context) -> list[Graded]:
    """Each person's results, from what the store knows; people in the order of their identifiers."""
    by_person: dict[Person, list[ExerciseResult]] = {}
    for one, sha256 in plan.handed:
        result = _result(one, plan.sources[one.slug, sha256], store, context)
        by_person.setdefault(one.person, []).append(result)
    for refused in plan.refused:
        by_person.setdefault(refused.person, []).append(without_checks(refused.exercise, refused.verdict, refused.text))
    return [
        Graded(person, tuple(results))
        for person, results in sorted(by_person.items(), key=lambda item: item[0].identifier.lower())
    ]


def _result(one: HandedIn, source: Source, store: Store, context: Context) -> ExerciseResult:
    exercise = source.exercise
    found: dict[str, CheckResult] = {}
    for unit in units_of(exercise, source.sha256):
        checks = known(unit, exercise, store, context)
        if checks is None and unit.timed:
            checks = not_measured(exercise)
        found |= {check.name: check for check in checks or [_never_graded()]}
    order = {name: number for number, name in enumerate(exercise.check_names)}
    checks = sorted(found.values(), key=lambda check: order.get(check.name, len(order)))
    path = one.path.relative_to(one.repository).as_posix() if one.repository else one.path.name
    submission = {"path": path, "sha256": source.sha256, "review": review(one.path.read_bytes())}
    return exercise_result(exercise.slug, exercise.track, checks, exercise.points, submission)


def _never_graded() -> CheckResult:
    message, advice = "This submission was not graded.", "Run the command again with --resume."
    return CheckResult("judge", "The judge itself", Kind.CORRECTNESS, Verdict.ERROR, 0.0, message, advice)
