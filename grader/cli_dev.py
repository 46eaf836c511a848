"""Commands for those who write exercises: `grader dev check`, `calibrate`, `soak`, `bench`."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console

from grader import explore_bench, fuzz, grading, manifest, overview, rivals, selfcheck, watch_bench
from grader import soak as soaking
from grader.catalog import Catalog, Exercise
from grader.errors import GraderFault, UsageError
from grader.render.live import Live
from grader.sandbox.launch import launcher
from grader.sandbox.session import Job, Session
from grader.text import visible
from grader.verdict import CheckResult, Kind, Verdict, write_atomically

MARGIN = 0.10  # a reference must beat the need by this share, or the need is too high for honest noise


@click.group()
def dev() -> None:
    """For authors of exercises: the checks are checked."""


def _chosen(catalog: Catalog, names: Sequence[str]) -> list[Exercise]:
    return [catalog.find(name) for name in names] or list(catalog.exercises)


@dev.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Run wrong submissions against the check that must catch them only.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Only as much as fits into this time, as --quick, in a random order.",
)
@click.option("--seed", default="0", show_default=True, help="Of that order.")
@click.option("--jobs", type=click.IntRange(min=1), help="Judges at once (default: one a core).")
@click.pass_obj
def check(
    catalog: Catalog, names: Sequence[str], quick: bool, minutes: float | None, seed: str, jobs: int | None
) -> None:
    """Prove that right submissions pass, wrong ones fail where they should, and no check is dead."""
    if minutes is not None:
        sys.exit(_check_sample(_chosen(catalog, names), minutes, seed, jobs))
    broken = 0
    with Live(Console(stderr=True)) as live:
        for exercise in _chosen(catalog, names):
            began = time.monotonic()
            problems = selfcheck.check_exercise(exercise, jobs, live.heard, live.say, quick)
            broken += len(problems)
            counts = f"{len(exercise.accepted)} accepted, {len(exercise.rejected)} rejected"
            click.echo(f"{exercise.slug}: {counts}, {len(problems)} problems, {time.monotonic() - began:.0f} s")
            for line in problems:
                click.echo(f"  {visible(line)}")
    sys.exit(1 if broken else 0)


def _check_sample(exercises: Sequence[Exercise], minutes: float, seed: str, jobs: int | None) -> int:
    began = time.monotonic()
    with Live(Console(stderr=True)) as live:
        sample = selfcheck.sample(exercises, 60 * minutes, seed, jobs, live.heard)
    click.echo(
        f"{len(exercises)} exercises: {sample.run} of {sample.total} submissions (seed {seed}), {len(sample.problems)} problems, "
        f"{time.monotonic() - began:.0f} s"
    )
    for line in sample.problems:
        click.echo(f"  {visible(line)}")
    return 1 if sample.problems else 0


@dev.command(name="manifest")
@click.pass_obj
def write_manifest(catalog: Catalog) -> None:
    """Write down what this release consists of; `grader check` then tells which files were changed."""
    path = manifest.path_of(catalog.root)
    write_atomically(path, manifest.written(catalog))
    click.echo(f"{path.relative_to(catalog.root).as_posix()}: {sum(1 for _ in manifest.protected(catalog))} files.")


@dev.command()
@click.argument("tracks", nargs=-1, metavar="[TRACK ...]")
@click.pass_obj
def table(catalog: Catalog, tracks: Sequence[str]) -> None:
    """Write the tables of the track READMEs; grades every reference, alone on the machine."""
    chosen = [track for track in catalog.tracks if track.name in tracks or not tracks]
    if unknown := set(tracks) - {track.name for track in chosen}:
        raise UsageError(f"There is no track {sorted(unknown)[0]!r}. `grader list` shows all.")
    for track in chosen:
        with grading.Grading(jobs=1) as run, Live(Console(stderr=True)) as live:
            results = run.run([grading.Request(e, e.reference) for e in track.exercises], live.heard)
        if failed := [
            result.name for result in results if result.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE)
        ]:
            raise GraderFault(f"The reference of {failed[0]} does not pass. `grader dev check {failed[0]}` says why.")
        overview.put(track, overview.table(zip(track.exercises, results, strict=True)))
        click.echo(f"{track.readme.relative_to(catalog.root).as_posix()}: {len(results)} exercises.")


@dev.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--times", default=3, show_default=True)
@click.pass_obj
def calibrate(catalog: Catalog, names: Sequence[str], times: int) -> None:
    """Measure the speed-up of references; refuses a need that leaves less than 10 % of margin."""
    narrow = False
    for exercise in _chosen(catalog, names):
        for path in (exercise.reference, *exercise.accepted):
            checks = _timed(exercise, path, times)
            for name in dict.fromkeys(c.name for c in checks):
                evidence = [c.evidence for c in checks if c.name == name and c.evidence and "ratio" in c.evidence]
                if not evidence:
                    click.echo(f"{exercise.slug} {path.stem} {name}: not measured here")
                    continue
                ratio = statistics.median(e["ratio"] for e in evidence)
                need = statistics.median(e["need"] for e in evidence)
                cores = statistics.median(e["effective_cores"] for e in evidence)
                alone = statistics.median(t["before"] for e in evidence for t in e["trials"])
                margin = ratio / need - 1
                narrow = narrow or margin < MARGIN
                click.echo(
                    f"{exercise.slug} {path.stem} {name}: sequential {alone:.2f} s, E {cores:.2f}, "
                    f"ratio {ratio:.2f}, need {need:.2f}, margin {margin:.0%}{'  TOO NARROW' if margin < MARGIN else ''}"
                )
    sys.exit(1 if narrow else 0)


def _timed(exercise: Exercise, path: Path, times: int) -> list[CheckResult]:
    with grading.Grading(jobs=1) as run:
        results = run.run([grading.Request(exercise, path)] * times)
    return [c for result in results for c in result.checks if c.kind is Kind.SPEEDUP]


@dev.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--times", default=20, show_default=True, help="Gradings of each submission.")
@click.option("--busy", default=0, show_default=True, help="Processes that spin meanwhile.")
@click.option(
    "--which", type=click.Choice(soaking.WHICH), default="right", show_default=True, help="The submissions to grade."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Judges at once (default: one a core).")
@click.pass_obj
def soak(catalog: Catalog, names: Sequence[str], times: int, busy: int, which: str, jobs: int | None) -> None:
    """Repeat, and print how often a right submission lost points and a wrong one lost none."""
    errors = 0
    with Live(Console(stderr=True)) as live, soaking.busy(busy):
        for exercise in _chosen(catalog, names):
            began = time.monotonic()
            rates = soaking.soak(exercise, times, which=which, jobs=jobs, heard=live.heard)
            errors += rates.not_passed + rates.passed
            click.echo(
                f"{rates.exercise}: {rates.runs} gradings, {rates.not_passed} right ones not passed, "
                f"{rates.passed} wrong ones passed, {rates.inconclusive} with a speed-up that could not be measured, "
                f"{time.monotonic() - began:.0f} s"
            )
            for line, count in rates.wrong.most_common():
                click.echo(f"  {count} x {visible(line)}")
    sys.exit(1 if errors else 0)


@dev.command("fuzz")
@click.option("--messages", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def fuzz_(messages: int, seed: int) -> None:
    """Throw malformed messages at the wire; each must be a value or be refused, in time, and never pass."""
    began = time.monotonic()
    found = fuzz.run(messages, seed)
    for outcome, count in sorted(found.outcomes.items()):
        click.echo(f"{outcome}: {count:,}")
    for line in found.problems[:50]:
        click.echo(visible(line, one_line=True))
    click.echo(f"{messages:,} messages, {len(found.problems):,} problems, {time.monotonic() - began:.0f} s")
    sys.exit(1 if found.problems else 0)


@dev.group(invoke_without_command=True)
@click.option("--times", default=50, show_default=True)
@click.pass_context
def bench(context: click.Context, times: int) -> None:
    """What a check costs before it does anything: start, import and end of a submission's process."""
    if context.invoked_subcommand is None:
        _bench_start(context.obj, times)


@bench.command()
@click.argument("names", nargs=-1, metavar="[PROGRAM ...]")
@click.option("--seeds", default=explore_bench.SEEDS, show_default=True)
@click.option(
    "--schedules", default=explore_bench.SCHEDULES, show_default=True, help="Of each seed, for a correct program."
)
@click.option("--json", "target", type=click.File("w"), help="Write the rows there, one JSON object a line.")
def explore(names: Sequence[str], seeds: int, schedules: int, target: TextIO | None) -> None:
    """The explorer of threads on programs whose verdict is known, on every Python that is found here."""
    known = [case.name for case in explore_bench.cases()]
    if unknown := set(names) - set(known):
        raise UsageError(f"There is no program {', '.join(sorted(unknown))}. They are in grader/tests/corpus.")
    wrong = 0
    for python in explore_bench.pythons().items():
        click.echo(f"Python {python[0]}\n{explore_bench.HEADING}")
        rows = []
        for row in explore_bench.rows(python, names or known, seeds, schedules):
            rows.append(row)
            click.echo(explore_bench.line(row))
            if target is not None:
                click.echo(json.dumps(asdict(row)), target)
        click.echo(f"{explore_bench.total(rows)}\n")
        wrong += sum(row.seeds - row.right for row in rows)
    sys.exit(1 if wrong else 0)


@bench.command()
@click.argument("name", default="warm_caches")
@click.option("--saves", default=20, show_default=True)
@click.pass_obj
def watch(catalog: Catalog, name: str, saves: int) -> None:
    """How long a student waits for the first result after a save, and for all of them (medians)."""
    click.echo(watch_bench.HEADING)
    with tempfile.TemporaryDirectory() as folder:
        for row in watch_bench.rows(catalog.root, catalog.find(name).slug, saves, Path(folder)):
            click.echo(watch_bench.line(row))


@bench.command()
@click.option(
    "--files", default=60, show_default=True, help="How many are handed in: right, wrong, broken and hostile ones."
)
@click.option("--seed", default=0, show_default=True, help="Of their choice.")
@click.pass_obj
def regrade(catalog: Catalog, files: int, seed: int) -> None:
    """Seconds a submission, and wrong verdicts, beside pytest, check50 and otter-grader, which it installs (some 200 MB)."""
    click.echo(rivals.HEADING)
    with tempfile.TemporaryDirectory() as folder:
        for row in rivals.rows(catalog, files, seed, Path(folder), lambda text: click.echo(text, err=True)):
            click.echo(rivals.line(row))


def _bench_start(catalog: Catalog, times: int) -> None:
    exercise = catalog.exercises[0]
    started = launcher(exercise.needs)
    rows: dict[str, list[float]] = {"start": [], "import": [], "end": []}
    for _ in range(times + 1):
        marks = [time.perf_counter()]
        session = Session(Job(exercise.slug, exercise.stub, (), "", 10.0), started)
        session.start()
        marks.append(time.perf_counter())
        session.ask({"do": "load", "args": ["l"], "kwargs": ["d"], "functions": []}, "import")
        marks.append(time.perf_counter())
        session.close()
        marks.append(time.perf_counter())
        for name, before, after in zip(rows, marks, marks[1:], strict=False):
            rows[name].append((after - before) * 1000)
    started.close()
    for name, values in rows.items():
        click.echo(f"{name}: {statistics.median(values[1:]):.1f} ms (first: {values[0]:.0f} ms)")
