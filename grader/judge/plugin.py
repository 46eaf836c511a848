"""The pytest plugin: fixtures for checks, verdicts instead of tracebacks, results as JSON lines.

Loaded in every pytest run of the project; it touches only test modules that define EXERCISE.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from grader.catalog import Catalog, Exercise, find_root, title_of
from grader.judge.expectations import CheckFailed, NotStarted, is_untouched
from grader.judge.exploring import Explore
from grader.judge.feedback import Judged, judge
from grader.judge.fixtures import Rendezvouses
from grader.judge.marks import scenarios_source
from grader.judge.speedup import Speedup, evidence_of
from grader.judge.submission import Submission
from grader.measure.timing_lock import machine
from grader.sandbox.launch import Launcher, debugging, launcher
from grader.sandbox.outcomes import ImportHung, SubmissionRaised
from grader.sandbox.session import Job
from grader.services.mirror import Mirror
from grader.text import visible
from grader.verdict import NOT_MEASURED, CheckResult, Kind, Verdict

OVER = {"over": True}  # behind the results of one of many submissions
DEBUG_SECONDS = 86_400.0  # whoever looks at a breakpoint has all day
LONGEST_MESSAGE = 8000  # characters; some checks say what came back, and that may be megabytes
# What a student wants to know first: is the answer right? What needs the machine for itself comes last.
QUICK_FIRST = (
    Kind.CORRECTNESS, Kind.FAILURE, Kind.RULE, Kind.BOUNDS, Kind.SCHEDULES, Kind.HYGIENE, Kind.TESTS, Kind.SPEEDUP,
)  # fmt: skip
HANGS = 2  # after so many imports that do not end, none is tried again: one alone may be a machine that stood still
TIMED_SECONDS = 90.0  # a speed-up check makes up to nine trials


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grader", "checks of exercises")
    group.addoption("--submission", metavar="FILE", help="the file to check instead of the exercise's own")
    group.addoption("--seed", type=int, default=0, help="seed of the checks' random data (default 0)")
    group.addoption("--replay", metavar="TOKEN", help="play one schedule of one exploration")
    group.addoption("--orders", action="store_true", help="take submissions from standard input, a JSON line each")
    group.addoption("--quick-first", action="store_true", help="answers first, then schedules, what is measured last")
    group.addoption("--results", metavar="FILE", help="append each check's result as a JSON line")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kind(name): what a check of an exercise looks at")
    config.pluginmanager.register(Judge(config), "grader-judge")


class Judge:
    """State of one pytest process: the catalogue, and the warm parents of the submissions."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._launchers: dict[tuple[str, ...], Launcher] = {}
        self._catalogs: dict[Path, Catalog] = {}
        self._not_correct: set[str] = set()
        self._hung: dict[str, list[ImportHung]] = {}

    def exercise_of(self, item: pytest.Item) -> Exercise | None:
        """The exercise whose check file this item stands in; None for any other test."""
        slug = getattr(getattr(item, "module", None), "EXERCISE", None)
        if not isinstance(slug, str) or item.path.name != f"test_{slug}.py":
            return None
        folder = item.path.parent
        if folder not in self._catalogs:  # asked several times a check; a catalogue reads every exercise.toml
            self._catalogs[folder] = Catalog(find_root(folder))
        return self._catalogs[folder].find(slug)

    def source_of(self, exercise: Exercise) -> Path:
        """The file that is checked: the one that was asked for, else the exercise's own."""
        chosen = self._config.getoption("--submission")
        return Path(chosen) if chosen else exercise.stub

    def launcher_for(self, exercise: Exercise) -> Launcher:
        if exercise.needs not in self._launchers:
            self._launchers[exercise.needs] = launcher(exercise.needs, hidden=exercise.root)
        return self._launchers[exercise.needs]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._config.getoption("--quick-first"):
            items.sort(key=lambda item: QUICK_FIRST.index(kind_of(item)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """With --orders: all checks for each submission that comes, until nobody is there to send one."""
        if not self._config.getoption("--orders") or session.testsfailed:
            return None
        exercises = list(filter(None, map(self.exercise_of, session.items)))[:1]
        for line in self._orders(exercises):
            order = json.loads(line)
            self._config.option.submission, self._config.option.results = order["submission"], order["results"]
            self._not_correct.clear()
            self._hung.clear()
            items = [item for item in session.items if not order["only"] or item.name in order["only"]]
            for item, following in zip(items, [*items[1:], None], strict=False):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            _append(order["results"], OVER)
        return True

    def _orders(self, exercises: list[Exercise]) -> Iterator[str]:
        """What comes on standard input. Before each, the warm parent is there: a new one wherever it could remember."""
        while True:
            for exercise in exercises:
                self.launcher_for(exercise)
            line = sys.stdin.readline()
            if not line:
                return
            yield line
            for key, started in [*self._launchers.items()]:
                if not started.forgets:
                    started.close()
                    del self._launchers[key]

    def pytest_unconfigure(self) -> None:
        for started in self._launchers.values():
            started.close()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """What is known before anything is started for this check."""
        exercise = self.exercise_of(item)
        if exercise is None:
            return
        if is_untouched(self.source_of(exercise).read_bytes(), exercise.functions):
            raise NotStarted
        if kind_of(item) is Kind.SPEEDUP and exercise.slug in self._not_correct:
            raise CheckFailed(NOT_MEASURED, "First right, then fast.")
        if len(hung := self._hung.get(exercise.slug, [])) >= HANGS:
            raise replace(hung[0], tried=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        if self.exercise_of(item) is None:
            return (yield)
        explore = _fixture(item, "explore")
        try:
            return (yield)
        except SubmissionRaised as error:
            if debugging() and (error.raised.type, error.raised.message) == ("Exit", "Quitting debugger"):
                pytest.exit("You have left the debugger.", returncode=0)
            raise
        except CheckFailed as failed:
            raise explore.explain(failed) if explore is not None else failed from None
        except (TypeError, ValueError, LookupError, AttributeError) as broken:
            if explore is None or not explore.is_open:
                raise
            # What came from the submission's process as an outcome has not the form that the scenario gives it.
            raise CheckFailed(
                "The exploration gave an outcome of no known form.",
                "Does your code change how threads work? Threads must start and stop as Python's own do.",
            ) from broken

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        exercise = self.exercise_of(item)
        if exercise is None:
            return (yield)
        measured = kind_of(item) is Kind.SPEEDUP and exercise.slug not in self._not_correct
        with machine(alone=measured):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
        exercise = self.exercise_of(item)
        if exercise is not None:
            # pytest would lay out the traceback of every failure, which nobody gets to see: 20 ms each.
            item.repr_failure = _in_one_line  # type: ignore[method-assign]
            item._repr_failure_py = _in_one_line  # type: ignore[method-assign, assignment]
        report = yield
        if exercise is None or (call.when != "call" and call.excinfo is None):
            return report
        judged = judge(call.excinfo.value) if call.excinfo else Judged(Verdict.PASSED)
        if call.when == "setup":
            report.when = "call"  # pytest would call it an error of the check's surroundings
        result = CheckResult(
            name=item.name if call.when != "teardown" else f"{item.name} (clean-up)",
            title=title_of(item.name, getattr(getattr(item, "function", None), "__doc__", None)),
            kind=kind_of(item),
            verdict=judged.verdict,
            seconds=round(call.duration, 3),
            message=judged.message[:LONGEST_MESSAGE],
            advice=judged.advice,
            file=judged.file,
            line=judged.line,
            evidence=_with_timeline(item, judged.verdict, judged.evidence or _looked_at(item, judged.verdict)),
        )
        if call.excinfo and isinstance(error := call.excinfo.value, ImportHung) and error.tried:
            self._hung.setdefault(exercise.slug, []).append(error)
        if judged.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE):
            self._not_correct.add(exercise.slug)
            report.longrepr = visible("\n".join(filter(None, [result.title, "", result.message, judged.advice])))
        if judged.verdict is Verdict.INCONCLUSIVE:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1] or 0, f"inconclusive: {visible(judged.message)}")
        self._write(exercise, result)
        return report

    def _write(self, exercise: Exercise, result: CheckResult) -> None:
        if path := self._config.getoption("--results"):
            _append(path, {"exercise": exercise.slug, **asdict(result)})


def _append(path: str, line: dict[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _in_one_line(excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
    return excinfo.exconly(tryshort=True)


def _fixture(item: pytest.Item, name: str) -> Any:
    """What the check got for this argument; None if it has no such argument, or has not come so far."""
    return getattr(item, "funcargs", {}).get(name)


def _looked_at(item: pytest.Item, verdict: Verdict) -> dict[str, Any] | None:
    """What was measured, or how much was explored, where nothing is to be explained."""
    speedup, explore = _fixture(item, "speedup"), _fixture(item, "explore")
    if speedup is not None and speedup.judgement is not None:
        return evidence_of(speedup.judgement)
    return explore.evidence if explore is not None and verdict is Verdict.PASSED else None


def _with_timeline(item: pytest.Item, verdict: Verdict, evidence: dict[str, Any] | None) -> dict[str, Any] | None:
    """What really happened in the last call, beside what else there is to be told. Virtual time has none of it."""
    submission, explore = _fixture(item, "submission"), _fixture(item, "explore")
    if submission is None or (explore is not None and explore.begun) or verdict in (Verdict.NOT_STARTED, Verdict.ERROR):
        return evidence
    timeline = submission.timeline.evidence()
    return {**(evidence or {"type": "overlap"}), "timeline": timeline} if timeline else evidence


def kind_of(item: pytest.Item) -> Kind:
    mark = item.get_closest_marker("kind")
    return Kind(mark.args[0]) if mark else Kind.CORRECTNESS


def _judge(request: pytest.FixtureRequest) -> Judge:
    plugin = request.config.pluginmanager.get_plugin("grader-judge")
    assert isinstance(plugin, Judge)
    return plugin


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[Submission]:
    """The student's code, in a process of its own."""
    judge_plugin = _judge(request)
    exercise = judge_plugin.exercise_of(request.node)
    assert exercise is not None, "the fixture `submission` is for check files that define EXERCISE"
    timed = kind_of(request.node) is Kind.SPEEDUP
    job = Job(
        slug=exercise.slug,
        source=judge_plugin.source_of(exercise),
        given=exercise.given_files,
        scenarios=scenarios_source(Path(request.node.path)),
        seconds=DEBUG_SECONDS if debugging() else TIMED_SECONDS if timed else exercise.seconds,
    )
    made = Submission(job, judge_plugin.launcher_for(exercise), exercise.functions)
    yield made
    made.close()


@pytest.fixture
def mirror(submission: Submission) -> Iterator[Mirror]:
    """An HTTP server of the judge, which the submission can reach."""
    made = Mirror(submission.listener, submission.timeline)
    made.start()
    yield made
    made.close()


@pytest.fixture
def rendezvous() -> Rendezvouses:
    """Makes meeting points: `rendezvous(k)`."""
    return Rendezvouses()


@pytest.fixture
def speedup(submission: Submission) -> Speedup:
    """Measures a speed-up beside the machine."""
    return Speedup(submission)


@pytest.fixture
def explore(submission: Submission, request: pytest.FixtureRequest, rng: random.Random) -> Explore:
    """Runs a scenario under many schedules."""
    names = [name for name in vars(request.module) if name.startswith("test_")]
    number = names.index(request.node.originalname) + 1
    return Explore(submission, number, rng, request.config.getoption("--replay"))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random data that is the same for the same --seed and check."""
    return random.Random(f"{request.config.getoption('--seed')} {request.node.name}")
