"""How soon the faults of small asyncio programs are found, and whether a correct one is ever accused.

A folder of the corpus holds `scenario.py` and programs: `buggy*.py` and `correct*.py`. The scenario's module may say how
it is to be explored: OPTIONS for its `scenario`, or RUNS for several functions by name.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.explore.program import Program
from grader.explore.results import Kind
from grader.explore.tasks import TaskExploration, TaskFailure, explore_tasks

CORPORA = ("asyncio", "asyncio_faults", "asyncio_pool", "asyncio_unusual")
PLAIN = {"reorder": True}  # for scenarios that do not say anything


@dataclass(frozen=True)
class Case:
    name: str
    path: Path
    buggy: bool
    kind: str  # of the failure that is expected; "" for any
    runs: Sequence[tuple[Callable[..., Any], dict[str, Any]]]

    def explorations(self, seed: int, **options: Any) -> Iterator[TaskExploration]:
        """Each run explored to its end; after a failure there are no more."""
        for scenario, own in self.runs:
            exploration = explore_tasks(
                scenario, Program([self.path]), seed=seed, **{"seconds": 60.0, **own, **options}
            )
            for _ in exploration:
                pass
            yield exploration
            if exploration.failure is not None:
                return


@dataclass(frozen=True)
class Measured:
    """Medians and maxima over the seeds; `wrong` says what was not as it should be."""

    case: Case
    schedules: tuple[int, int]
    seconds: tuple[float, float]
    kinds: tuple[str, ...]
    wrong: tuple[str, ...]


def cases(corpus: Path) -> list[Case]:
    """All programs of the asyncio folders in `corpus`."""
    scenarios = [path for name in CORPORA for path in sorted((corpus / name).rglob("scenario.py"))]
    return [case for path in scenarios for case in _cases(corpus, path)]


def _cases(corpus: Path, path: Path) -> Iterator[Case]:
    spec = importlib.util.spec_from_file_location("scenario", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, dict[str, Any]] = getattr(module, "RUNS", {"scenario": getattr(module, "OPTIONS", PLAIN)})
    runs = [(getattr(module, name), options) for name, options in found.items()]
    kind = getattr(module, "KIND", "")
    for program in sorted(path.parent.glob("*.py")):
        if program != path:
            name = program.relative_to(corpus).with_suffix("").as_posix()
            expected = "" if kind == "always" else kind
            yield Case(name, program, program.stem.startswith("buggy"), expected, runs)


def fault_in(case: Case, exploration: TaskExploration) -> str:
    """What is wrong with this verdict; "" if nothing is."""
    failure = exploration.failure
    if not case.buggy:
        return f"accused: {failure.kind}: {failure.message}" if failure else ""
    if failure is None:
        return "not found"
    if failure.kind is Kind.OUTSIDE_CONTROL:
        return f"outside control: {failure.message}"
    if case.kind and failure.kind != case.kind:
        return f"{failure.kind} instead of {case.kind}"
    again = exploration.replay(failure.schedule)[1]
    return "" if again is not None and _same(again, failure) else f"{failure.schedule} does not replay"


def _same(one: TaskFailure, other: TaskFailure) -> bool:
    return (one.kind, one.type, one.place, one.cancelled) == (other.kind, other.type, other.place, other.cancelled)


def measure(case: Case, seeds: Sequence[int], **options: Any) -> Measured:
    schedules, seconds, kinds, wrong = [], [], set(), []
    for seed in seeds:
        began = time.perf_counter()
        last, tried = None, 0
        for exploration in case.explorations(seed, **options):
            last, tried = exploration, tried + exploration.summary.schedules
        seconds.append(time.perf_counter() - began)
        schedules.append(tried)
        assert last is not None
        kinds.add(str(last.failure.kind) if last.failure else "-")
        if fault := fault_in(case, last):
            wrong.append(f"seed {seed}: {fault}")
    return Measured(
        case,
        (int(statistics.median(schedules)), max(schedules)),
        (statistics.median(seconds), max(seconds)),
        tuple(sorted(kinds)),
        tuple(wrong),
    )


def bench(corpus: Path, seeds: int = 20, say: Callable[[str], None] = print) -> int:
    """Measure every program with that many seeds, and say it in a table. Returns how many went wrong."""
    say(f"{'program':<54}{'schedules':>14}{'seconds':>16}  verdict  (median / most of {seeds} seeds)")
    wrong = 0
    for case in cases(corpus):
        found = measure(case, range(seeds))
        schedules = "{} / {}".format(*found.schedules)
        seconds = "{:.3f} / {:.3f}".format(*found.seconds)
        verdict = " ".join(found.kinds) + (f"  WRONG: {found.wrong[0]}" if found.wrong else "")
        say(f"{case.name:<54}{schedules:>14}{seconds:>16}  {verdict}")
        wrong += bool(found.wrong)
    say(f"{wrong} programs with a wrong verdict" if wrong else "every verdict was right")
    return wrong
