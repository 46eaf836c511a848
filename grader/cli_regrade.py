"""`grader regrade`: a whole class, with the checks of this repository."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from grader import latest
from grader.catalog import Catalog, Exercise
from grader.classroom import collect, gradebook, misconceptions, regrade
from grader.classroom.bar import Bar
from grader.classroom.flags import flags_of
from grader.classroom.places import lowest, places_told
from grader.classroom.results import ClassResults, Flag, Graded, HandedIn, Person
from grader.classroom.roster import read_roster
from grader.classroom.store import Store
from grader.classroom.units import Context, Place, context
from grader.cli_report import OUTPUT, write
from grader.errors import UsageError
from grader.grading import Grading, environment
from grader.measure.cores import usable_cores
from grader.render import screen
from grader.sandbox import cage
from grader.text import visible
from grader.verdict import Report, Verdict, timestamp

STORE = "verdicts.jsonl"
MOST_NOTES = 10
NAMED = 3  # people in an example


@click.command("regrade")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--roster", type=click.Path(dir_okay=False, path_type=Path), help="CSV: who is who.")
@click.option("--exercises", help="Only these, with commas between them (default: all that were handed in).")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where results go (default: FOLDER-graded)."
)
@click.option("--csv", "csv_file", type=OUTPUT, help="Write a row a person there, too.")
@click.option("--html", "html_file", type=OUTPUT, help="Write the page of the class there, too.")
@click.option(
    "--canvas", default="Concurrency (0)", show_default=True, help="The column of Canvas's gradebook: NAME (ID)."
)
@click.option("--resume", is_flag=True, help="Go on where an earlier run was stopped.")
@click.option("--jobs", type=click.IntRange(min=1), help="Submissions at once (default: one a core).")
@click.option(
    "--cluster", metavar="ADDRESS", help="By the workers of this Dask scheduler; local:N starts N of them here."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the random data.")
@click.option(
    "--isolation", type=click.Choice(cage.ASKED), help="Refuse to grade with less than this (default: the best level)."
)
@click.pass_obj
def regrade_(
    catalog: Catalog,
    folder: Path,
    roster: Path | None,
    exercises: str | None,
    out: Path | None,
    csv_file: Path | None,
    html_file: Path | None,
    canvas: str,
    resume: bool,
    jobs: int | None,
    cluster: str | None,
    seed: int,
    isolation: str | None,
) -> None:
    """Grade everything in FOLDER: repositories, folders, files and zips of many people, each equal file once."""
    if cluster and jobs:
        raise UsageError(
            "--jobs is for this machine; in a cluster each worker takes one submission. Leave one of them away."
        )
    folder = folder.resolve()
    out = (out or folder.with_name(f"{folder.name}-graded")).resolve()
    _may_write(out, resume)
    chosen = _chosen(catalog, exercises)
    people = read_roster(roster) if roster else []
    with Store(out / STORE) as store:  # whoever holds it may unpack
        collector = collect.Collector(catalog, chosen, out / "unpacked", people)
        plan = regrade.plan(catalog, collector.collect(folder), collector.problems)
        _refuse_nothing(folder, plan, collector, people)
        if cluster:
            where = _graded_there(plan, store, cluster, seed, isolation)
        else:
            where = _graded_here(plan, store, jobs or usable_cores(), seed, isolation)
        results = _results(plan, store, where, collector, people, chosen, catalog)
    sources = latest.sources_of(source.path for source in plan.sources.values())
    page = _write(out, results, catalog, canvas, sources)
    if csv_file is not None:
        write(csv_file, gradebook.summary_csv(results))
    if html_file is not None:
        write(html_file, page)
    _tell(out, results, plan)
    errors = any(result.verdict is Verdict.ERROR for graded in results.people for result in graded.results)
    sys.exit(3 if errors else 0)


def _graded_here(plan: regrade.Plan, store: Store, jobs: int, seed: int, isolation: str | None) -> Context:
    with Grading(seed=seed, isolation=isolation) as grading:
        where = context(seed, grading.isolation)
        with Bar(plan, store, where) as bar:
            regrade.grade_here(plan, store, where, grading, jobs, bar.done)
    return where


def _graded_there(plan: regrade.Plan, store: Store, address: str, seed: int, isolation: str | None) -> Context:
    try:
        from grader.classroom import cluster  # an extra, and slow to import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise UsageError(
            "--cluster needs the package distributed, which is not installed here. "
            f"Install it: python3 -m pip --python {sys.executable} install distributed"
        ) from error
    asked = isolation or os.environ.get(cage.VARIABLE) or "auto"
    where = replace(context(seed, asked), elsewhere=True)
    with Bar(plan, store, where) as bar:
        cluster.grade_there(plan, store, where, address, bar.done, bar.say)
    return where


def _refuse_nothing(folder: Path, plan: regrade.Plan, collector: collect.Collector, people: Sequence[Person]) -> None:
    """Before hours are spent for nothing."""
    why = [*collector.notes, *(one.text for one in plan.refused)]
    told = "".join(f"\n  {visible(note, one_line=True)}" for note in why[:MOST_NOTES])
    if not plan.handed:
        raise UsageError(
            f"Nothing in {folder} can be graded. Expected: NAME/EXERCISE.py, NAME_EXERCISE.py, zips, or repositories.{told}"
        )
    handed = dict.fromkeys(one.person for one, _ in plan.handed)
    if people and not set(handed) & set(people):
        on_it, there = (visible(_listed([one.identifier for one in several])) for several in (people, list(handed)))
        raise UsageError(
            f"Nobody on the roster has handed in anything: on it are {on_it}, and work is there of {there}. "
            "Its column 'identifier' must hold what folders, files or repositories are called."
        )


def _may_write(out: Path, resume: bool) -> None:
    if resume and not (out / STORE).exists():
        raise UsageError(f"There is nothing to resume in {out}. Run it without --resume.")
    if not resume and (out / STORE).exists() and (out / STORE).stat().st_size:
        raise UsageError(f"{out} holds an earlier run. --resume goes on with it; --out DIR begins elsewhere.")


def _chosen(catalog: Catalog, names: str | None) -> list[Exercise]:
    return [catalog.find(name.strip()) for name in names.split(",")] if names else list(catalog.exercises)


def _results(
    plan: regrade.Plan,
    store: Store,
    where: Context,
    collector: collect.Collector,
    roster: Sequence[Person],
    chosen: Sequence[Exercise],
    catalog: Catalog,
) -> ClassResults:
    handed: dict[Person, list[HandedIn]] = defaultdict(list)
    for one, _ in plan.handed:
        handed[one.person].append(one)
    refused: dict[Person, list[Flag]] = defaultdict(list)
    for other in plan.refused:
        refused[other.person].append(Flag("unreadable", other.exercise.slug, visible(other.text, one_line=True)))
    graded = {
        one.person: replace(
            one,
            flags=(
                *flags_of(handed[one.person], one.results, catalog, not roster or one.person in roster),
                *refused[one.person],
            ),
        )
        for one in regrade.results_of(plan, store, where)
    }
    people = [graded.get(person, Graded(person)) for person in {**dict.fromkeys(roster), **dict.fromkeys(graded)}]
    seen = {result.name for one in people for result in one.results}
    everything = [result for one in people for result in one.results]
    places = regrade.places_of(plan, store, where)
    level = lowest(places) or where.isolation
    return ClassResults(
        timestamp(datetime.now(UTC)),
        where.seed,
        environment(everything, level),
        tuple(exercise.slug for exercise in chosen if exercise.slug in seen),
        tuple(sorted(people, key=lambda one: one.person.identifier.lower())),
        (*_unmatched(people, roster), *_notes(plan, collector, level, places if where.elsewhere else ())),
    )


def _unmatched(people: Sequence[Graded], roster: Sequence[Person]) -> Iterator[str]:
    """Somebody without a line in the gradebook, and somebody with a 0: perhaps they are the same."""
    strangers = [one.person.identifier for one in people if one.person not in roster]
    absent = [one.person.identifier for one in people if one.person in roster and not one.results]
    if roster and strangers and absent:
        yield (
            f"With work, but not on the roster: {_listed(strangers)}. On the roster, without work: {_listed(absent)}. "
            "Are some of them the same? Then mend the roster's column 'identifier'."
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _notes(plan: regrade.Plan, collector: collect.Collector, level: str, places: Sequence[Place]) -> Iterator[str]:
    """`places`: where a cluster graded; `level`: the lowest isolation that was used."""
    yield from collector.notes
    yield from places_told(places)
    for one in plan.refused:
        yield f"{one.person.identifier}, {one.exercise.slug}: {one.text}"
    if warning := cage.warning(level):
        yield f"{warning} grader/README.md has the levels."


def _write(out: Path, results: ClassResults, catalog: Catalog, canvas: str, sources: latest.Sources) -> str:
    """All files of one run, each whole or not at all; the page, which is returned, last, for it links to the others."""
    from grader.render import class_page, html  # templates: slow to import, and of no use to other commands

    names = file_names([one.person.identifier for one in results.people])
    for one in results.people:
        if one.results:
            report = Report(
                results.created, results.seed, dict(results.environment), one.score,
                sum(result.max_score for result in one.results), one.results,
            )  # fmt: skip
            write(out / "reports" / f"{names[one.person.identifier]}.html", html.page(report, sources))
    write(out / "checks.csv", gradebook.checks_csv(results))
    write(out / "grades.csv", gradebook.summary_csv(results))
    write(out / "canvas.csv", gradebook.canvas_csv(results, canvas))
    write(out / "moodle.csv", gradebook.moodle_csv(results))
    write(out / "results.jsonl", gradebook.json_lines(results))
    chosen = [catalog.find(slug) for slug in results.exercises]
    hrefs = {
        one.person.identifier: f"reports/{names[one.person.identifier]}.html" for one in results.people if one.results
    }
    page = class_page.page(
        results, {e.slug: e.title for e in chosen}, {e.slug: misconceptions.of(e) for e in chosen}, hrefs
    )
    write(out / "class.html", page)
    return page


def file_names(identifiers: Sequence[str]) -> dict[str, str]:
    """A name for each person's file that is safe everywhere, and different for each."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for identifier in identifiers:
        base = re.sub(r"[^A-Za-z0-9_-]+", "-", identifier).strip("-")[:80] or "person"
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        name = next(name for name in itertools.chain([base], numbered) if name.lower() not in taken)
        taken.add(name.lower())
        names[identifier] = name
    return names


def _tell(out: Path, results: ClassResults, plan: regrade.Plan) -> None:
    verdicts = Counter(result.verdict.words for one in results.people for result in one.results)
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    screen.say(f"{len(results.people)} people, {len(plan.handed)} files, {len(plan.sources)} different ones: {told}")
    flags = sum(len(one.flags) for one in results.people)
    if flags:
        screen.say(
            "1 thing to look at; the page has it." if flags == 1 else f"{flags} things to look at; the page lists them."
        )
    for note in results.notes[:MOST_NOTES]:
        screen.say(f"  {visible(note, one_line=True)}")
    if len(results.notes) > MOST_NOTES:
        screen.say(f"  ... and {len(results.notes) - MOST_NOTES} more notes, on the page.")
    screen.say(
        f"{out / 'class.html'} is the class; beside it are grades.csv, checks.csv, canvas.csv, moodle.csv, results.jsonl and reports/."
    )
