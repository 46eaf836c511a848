"""The command line: parse, call, render, exit code. 0 passed, 1 not passed, 2 wrong usage, 3 the grader's own fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from grader import authoring, grading, judges, latest, manifest, progress, signals, standing
from grader import replay as replaying
from grader.catalog import Catalog, Exercise, find_root, state_folder
from grader.cli_ci import ci
from grader.cli_learn import COMMANDS, overview, where_you_stand
from grader.cli_report import FULL, outputs, remedy, write_all
from grader.cli_report import report as show_report
from grader.errors import GraderError, UsageError
from grader.render import schedule, screen, terminal
from grader.render.live import Live
from grader.render.watching import View
from grader.sandbox import cage
from grader.text import visible
from grader.verdict import ExerciseResult, Report, Verdict


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def app(context: click.Context) -> None:
    """Learn Python concurrency by exercises, and know whether your solution is right."""
    context.obj = Catalog(find_root())
    if context.invoked_subcommand is None:
        where_you_stand(context.obj)


@app.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--all", "everything", is_flag=True, help="Check every exercise.")
@click.option("--submission", type=click.Path(path_type=Path), help="Check this file instead of the exercise's own.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random data.")
@outputs
@click.option("--debug", is_flag=True, help="One process, no limits, no capture: breakpoints work.")
@click.option("--jobs", type=click.IntRange(min=1), help="Judges at once (default: one a core).")
@click.option(
    "--isolation", type=click.Choice(cage.ASKED), help="How submissions are shut in (default: the best level)."
)
@click.pass_obj
def check(
    catalog: Catalog,
    /,
    names: Sequence[str],
    everything: bool,
    submission: Path | None,
    seed: int,
    debug: bool,
    jobs: int | None,
    isolation: str | None,
    **files: Path | None,
) -> None:
    """Check exercises, by default the next one that is not solved."""
    exercises = _chosen(catalog, names, everything)
    if submission is not None and len(exercises) != 1:
        raise UsageError("--submission is one file, so name one exercise: `grader check NAME --submission FILE`.")
    requests = [grading.request(exercise, submission) for exercise in exercises]
    if debug:
        sys.exit(_debug(requests, seed))
    differences = manifest.differences(catalog)
    sources = latest.sources_of(request.submission for request in requests)
    results, level = _graded(requests, seed, jobs, isolation)
    here = screen.screen_of(sys.stdout)
    for result in results:
        screen.show(terminal.exercise(result, here))
    report = grading.report(results, seed, level, differences)
    if len(results) > 1:
        screen.show([terminal.total(report)])
    write_all(report, sources, files)
    _keep(catalog, report, sources)
    if submission is None:
        _remember(catalog, results)
        _tell_what_is_next(catalog, exercises, results, here)
    _tell_differences(differences)
    _tell_own_faults(results)
    sys.exit(_exit_code(results))


@app.command("watch")
@click.argument("name", required=False)
@click.option("--seed", default=0, show_default=True, help="Seed of the random data.")
@click.option(
    "--isolation", type=click.Choice(cage.ASKED), help="How submissions are shut in (default: the best level)."
)
@click.pass_obj
def watch_(catalog: Catalog, name: str | None, seed: int, isolation: str | None) -> None:
    """Check again whenever you save; it follows the exercise that you edit."""
    from grader.watch import watch  # slow to import, and of no use to other commands

    [exercise] = _chosen(catalog, [name] if name else [], everything=False)
    view = View(Console(highlight=False), screen.screen_of(sys.stdout))
    watch(catalog, exercise, view, overview, seed=seed, isolation=isolation)


def _remember(catalog: Catalog, results: Sequence[ExerciseResult]) -> None:
    try:
        progress.remember(catalog.root, results)
    except OSError as error:  # only a memory aid: the verdict stands without it
        _say(f"What you have solved could not be remembered in {state_folder(catalog.root)}: {error.strerror}.")


def _tell_what_is_next(
    catalog: Catalog, exercises: Sequence[Exercise], results: Sequence[ExerciseResult], here: screen.Screen
) -> None:
    if len(results) != 1 or results[0].verdict in (Verdict.NOT_STARTED, Verdict.ERROR):
        return
    solved = results[0].verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE)
    text = standing.after(solved, exercises[0], progress.next_exercise(catalog), progress.hints_seen(exercises[0]))
    screen.show(Text(line) for line in screen.wrapped(text, here.columns))


def _keep(catalog: Catalog, report: Report, sources: latest.Sources) -> None:
    try:
        latest.keep(catalog.root, report, sources)
    except OSError as error:  # the verdict stands without it
        _say(
            f"`grader report` cannot show this again, for nothing can be kept in {state_folder(catalog.root)}: {error.strerror}."
        )


def _tell_differences(differences: Sequence[str]) -> None:
    if not differences:
        return
    first = ", ".join("{1} ({0})".format(*line.split(" ", 1)) for line in differences[:3])
    more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    count = (
        f"{len(differences)} files of the release differ" if len(differences) > 1 else "1 file of the release differs"
    )
    _say(
        f"{count}: {first}{more}. A classroom grades with the files of the release; `git checkout -- FILE` brings one back."
    )


def _tell_own_faults(results: Sequence[ExerciseResult]) -> None:
    for result in results:
        for check in result.checks:
            if check.verdict is Verdict.ERROR:
                _say(f"a fault of the grader, not yours, in {result.name}, {check.name}: {check.message}")
                return


def _chosen(catalog: Catalog, names: Sequence[str], everything: bool) -> list[Exercise]:
    if everything:
        return list(catalog.exercises)
    if names:
        return [catalog.find(name) for name in names]
    following = progress.next_exercise(catalog)
    if following is None:
        raise UsageError("All exercises are solved; `grader check --all` checks them again.")
    return [following]


def _graded(
    requests: Sequence[grading.Request], seed: int, jobs: int | None, isolation: str | None = None
) -> tuple[list[ExerciseResult], str]:
    """The results, and the isolation level that was used."""
    with grading.Grading(seed=seed, jobs=jobs, isolation=isolation) as run, Live(Console(stderr=True)) as live:
        return run.run(requests, live.heard), run.isolation


def _debug(requests: Sequence[grading.Request], seed: int) -> int:
    environment = {**judges.judge_environment(), "GRADER_LAUNCH": "debug"}
    code = 0
    for request in requests:
        command = [*judges.PYTEST, *judges.arguments_of(request.exercise, request.submission, seed), "-s", "-x"]
        code = max(code, subprocess.call(command, env=environment, cwd=request.exercise.root))
    return min(code, 1)


@app.command()
@click.argument("name")
@click.argument("token")
@click.option("--submission", type=click.Path(path_type=Path), help="Play this file instead of the exercise's own.")
@click.option("--seed", default=0, show_default=True, help="The seed of the check that printed the token.")
@click.option("--all", "whole", is_flag=True, help="Print every step at once, without waiting for a key.")
@click.pass_obj
def replay(catalog: Catalog, name: str, token: str, submission: Path | None, seed: int, whole: bool) -> None:
    """Play a schedule that failed, step by step, with the variables that change."""
    played = replaying.replay(grading.request(catalog.find(name), submission), token, seed)
    here = screen.screen_of(sys.stdout)
    screen.show([Text(played.title, "bold"), *schedule.legend(played.steps)])
    wait = not whole and sys.stdin.isatty() and sys.stdout.isatty()
    if wait:
        screen.say("Space or Enter: next step, a: all the rest, q: quit.")
    for row in schedule.rows(played.steps, here):
        screen.show([row])
        key = click.getchar() if wait else ""
        if key in ("q", "Q", "\x1b"):
            return
        wait = wait and key not in ("a", "A")
    screen.show(Text(line) for line in screen.wrapped(visible(played.ending), here.columns))


@app.command(hidden=not authoring.is_here("demo"))
@click.option("--jobs", type=click.IntRange(min=1), help="Judges at once (default: one a core).")
@click.pass_obj
def demo(catalog: Catalog, jobs: int | None) -> None:
    """Grade a correct, a sequential and a racy or leaking submission of each classic, and show the verdicts."""
    labelled = authoring.module("demo").requests(catalog)
    results, _ = _graded([request for _, request in labelled], 0, jobs)
    here = screen.screen_of(sys.stdout)
    for (label, _), result in zip(labelled, results, strict=True):
        screen.show([Text(f"\n{label.capitalize()} submission of", "bold"), *terminal.exercise(result, here)])
    as_meant = all(
        (result.verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE)) == (label == "correct")
        for (label, _), result in zip(labelled, results, strict=True)
    )
    screen.say("\nAll nine verdicts are as they should be." if as_meant else "\nA verdict is not as it should be.")
    sys.exit(0 if as_meant else 3)


def _exit_code(results: Iterable[ExerciseResult]) -> int:
    verdicts = {result.verdict for result in results}
    if Verdict.ERROR in verdicts:
        return 3
    return 0 if verdicts <= {Verdict.PASSED, Verdict.INCONCLUSIVE} else 1


def _say(text: str) -> None:
    """One line on standard error."""
    click.echo(f"grader: {visible(text, one_line=True)}", err=True)


for command in (*COMMANDS, show_report, ci, *authoring.commands()):
    app.add_command(command)


def main() -> None:
    """Run the command; every way out has a clear line and an exit code."""
    signals.install()
    screen.never_fail()
    try:
        code = _run(app.main)
        signals.ignore()
    except signals.Stopped as stopped:
        code = signals.tell(stopped)
    screen.finish()
    sys.exit(code)


def _run(command: Callable[..., Any]) -> int:
    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except GraderError as error:
        _say(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return signals.tell(signals.Stopped(signal.SIGINT))
    except OSError as error:
        if os.environ.get("GRADER_TRACEBACK"):
            raise
        place = f" ({error.filename})" if error.filename else ""
        _say(f"a fault of the grader or of this machine, not yours: {error.strerror or error}{place}. {_fix(error)}")
        return 3
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 3
    except Exception as error:
        if os.environ.get("GRADER_TRACEBACK"):
            raise
        _say(f"a fault of the grader, not yours: {type(error).__name__}: {error}. GRADER_TRACEBACK=1 shows where.")
        return 3
    return 0


def _fix(error: OSError) -> str:
    return remedy(error) if error.errno in FULL else "GRADER_TRACEBACK=1 shows where."
