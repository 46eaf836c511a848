"""`grader regrade`: a whole class, with the checks of this repository."""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grader.catalog import Catalog, Exercise
from grader.classroom import collect, regrade
from grader.classroom.places import lowest, places_told
from grader.classroom.results import ClassResults, Graded, Person
from grader.classroom.store import Store
from grader.classroom.units import Context, Unit, context
from grader.errors import UsageError
from grader.grading import Grading, environment
from grader.measure.cores import usable_cores
from grader.render import screen
from grader.sandbox import cage
from grader.text import visible
from grader.verdict import Verdict

STORE = "verdicts.jsonl"
EVERY = 20.0  # seconds between two lines of progress where no bar can be shown


@click.command("regrade")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--roster", type=click.Path(dir_okay=False, path_type=Path), help="CSV: who is who.")
@click.option("--exercises", help="Only these, with commas between them (default: all that were handed in).")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where results go (default: FOLDER-graded)."
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
    out = out or folder.with_name(f"{folder.name}-graded")
    _may_write(out, resume)
    chosen = _chosen(catalog, exercises)
    people = collect.read_roster(roster) if roster else []
    collector = collect.Collector(catalog, chosen, out / "unpacked", people)
    plan = regrade.plan(catalog, collector.collect(folder))
    if not plan.handed:
        raise UsageError(
            f"Nothing in {folder} is a file of an exercise. Expected: NAME/EXERCISE.py, NAME_EXERCISE.py, or repositories."
        )
    with Store(out / STORE) as store:
        if cluster:
            where = _graded_there(plan, store, cluster, seed, isolation)
        else:
            where = _graded_here(plan, store, jobs or usable_cores(), seed, isolation)
        results = _results(plan, store, where, collector, people, chosen)
    _write(out, results)
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


def _may_write(out: Path, resume: bool) -> None:
    if resume and not (out / STORE).exists():
        raise UsageError(f"There is nothing to resume in {out}. Run it without --resume.")
    if not resume and (out / STORE).exists():
        raise UsageError(f"{out} holds an earlier run. --resume goes on with it; --out DIR begins elsewhere.")


def _chosen(catalog: Catalog, names: str | None) -> list[Exercise]:
    return [catalog.find(name.strip()) for name in names.split(",")] if names else list(catalog.exercises)


class Bar:
    """How far it is, and how long it will take: by the seconds that the units of each exercise took so far."""

    def __init__(self, plan: regrade.Plan, store: Store, where: Context) -> None:
        light = [*regrade.missing(plan, store, where, timed=False)]
        timed = [*regrade.missing(plan, store, where, timed=True)]
        self._left = Counter((unit.slug, unit.timed) for unit in (*light, *timed))
        self._took: dict[tuple[str, bool], list[float]] = defaultdict(list)
        self._lock = threading.Lock()
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"), console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("grading", total=len(light) + len(timed), left="")
        self._began = self._said = time.monotonic()
        self._done = 0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def done(self, unit: Unit, seconds: float) -> None:
        kind = (unit.slug, unit.timed)
        with self._lock:
            self._done += 1
            self._left[kind] -= 1
            self._took[kind].append(seconds)
            left = self._estimate()
            self._progress.update(self._task, advance=1, description=unit.slug, left=left)
            if not self._console.is_terminal and time.monotonic() - self._said > EVERY:
                self._said = time.monotonic()
                click.echo(f"{self._done} of {self._done + self._left.total()} graded, {left}", err=True)

    def say(self, text: str) -> None:
        self._console.print(visible(text), markup=False, highlight=False, soft_wrap=True)

    def _estimate(self) -> str:
        """Seconds of work that are left, at the pace so far; kinds that nobody has seen yet count as the middle of the others."""
        pace = (time.monotonic() - self._began) / max(1e-9, sum(map(sum, self._took.values())))
        medians = {kind: statistics.fmean(times) for kind, times in self._took.items()}
        usual = statistics.median(medians.values())
        seconds = pace * sum(count * medians.get(kind, usual) for kind, count in self._left.items())
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"


def _results(
    plan: regrade.Plan, store: Store, where: Context, collector: collect.Collector, roster: Sequence[Person],
    chosen: Sequence[Exercise],
) -> ClassResults:  # fmt: skip
    graded = {one.person: one for one in regrade.results_of(plan, store, where)}
    people = [graded.get(person, Graded(person)) for person in {**dict.fromkeys(roster), **dict.fromkeys(graded)}]
    seen = {result.name for one in people for result in one.results}
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    everything = [result for one in people for result in one.results]
    places = regrade.places_of(plan, store, where)
    return ClassResults(
        created, where.seed, environment(everything, lowest(places) or where.isolation), tuple(e.slug for e in chosen if e.slug in seen),
        tuple(sorted(people, key=lambda one: one.person.identifier.lower())),
        (*collector.notes, *(places_told(places) if where.elsewhere else ()), *(f"{path.name}: {why}" for path, why in plan.refused.items())),
    )  # fmt: skip


def _write(out: Path, results: ClassResults) -> None:
    pass


def _tell(out: Path, results: ClassResults, plan: regrade.Plan) -> None:
    verdicts = Counter(str(result.verdict).replace("_", " ") for one in results.people for result in one.results)
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    screen.say(f"{len(results.people)} people, {len(plan.handed)} files, {len(plan.sources)} different ones: {told}")
    for note in results.notes:
        screen.say(f"  {note}")
    screen.say(f"Results are in {out}")
