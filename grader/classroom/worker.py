"""What runs in a worker of a Dask cluster: units come with their source, and are graded with a judge that stands between them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dask
from distributed import Worker, WorkerPlugin, get_worker

from grader.catalog import Catalog, find_root
from grader.classroom.slots import Slot
from grader.classroom.units import Unit, as_data, checks_hash, engine_hash, machine_class
from grader.errors import GraderError, GraderFault
from grader.grading import Grading
from grader.sandbox import cage

NAME = "grader"  # of the plugin
TIMING = "timing"  # the resource of the one worker of each machine that measures


@dataclass(frozen=True)
class Wanted:
    """What a worker must have, so that its verdicts are those of the client. `checks`: hashes by exercise."""

    python: str
    engine: str
    checks: Mapping[str, str]
    isolation: str | None


@dataclass(frozen=True)
class Task:
    """One unit. `run` tells one regrade from another."""

    run: str
    unit: Unit
    source: bytes
    seed: int
    wanted: Wanted


@dataclass(frozen=True)
class Answer:
    """`refused`: why nothing was graded; empty if `checks` (plain data) is the result."""

    machine: str
    isolation: str = ""
    checks: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0
    refused: str = ""


@cache
def own_engine() -> str:
    """The engine as it was when this worker first asked, which is what it has imported, whatever became of the files."""
    return engine_hash()


def misfit(wanted: Wanted, worker: Worker) -> str:
    """What makes this worker's verdicts others than those of the client, and what to do about it; empty if nothing does."""
    if worker.state.nthreads != 1:
        return (
            f"it has {worker.state.nthreads} threads, and a worker grades one submission at a time. "
            "Start it with --nthreads 1, and with --nworkers for more."
        )
    if platform.python_version() != wanted.python:
        return f"it runs Python {platform.python_version()}, not {wanted.python}. Give both the same."
    if engine_hash() != own_engine():
        return "its grader was changed since it was started. Start its workers again."
    if own_engine() != wanted.engine:
        return "its grader is another version. Bring its checkout to the same commit and start its workers again."
    catalog = Catalog(find_root())
    known = {exercise.slug: exercise for exercise in catalog.exercises}
    others = [slug for slug, seen in wanted.checks.items() if slug not in known or checks_hash(known[slug]) != seen]
    if others:
        return f"its checks of {', '.join(others)} in {catalog.root} are others. Bring them to the same commit."
    return ""


async def about(wanted: Wanted, dask_worker: Worker) -> dict[str, Any]:
    """Of this worker, in plain data that any version can read."""
    fault = isolation = ""
    try:
        fault = misfit(wanted, dask_worker)
        isolation = await asyncio.to_thread(cage.resolve, wanted.isolation)
    except (GraderError, OSError) as error:
        fault = fault or str(error)
    return {
        "machine": machine_class(),
        "node": platform.node(),
        "isolation": isolation,
        "timing": dask_worker.state.total_resources.get(TIMING, 0) > 0,
        "misfit": fault,
    }


class Keeper(WorkerPlugin):
    """Keeps what is worth keeping between the units of one regrade; Dask closes it with the worker."""

    name = NAME
    idempotent = True

    def setup(self, worker: Worker) -> None:
        self._lock = threading.Lock()  # held while a unit is graded
        self._bench: Bench | None = None
        self._over = ""  # the last run that ended
        _undo_environment(worker)
        own_engine()

    async def teardown(self, worker: Worker) -> None:
        await asyncio.to_thread(self.close)

    def grade(self, task: Task) -> Answer:
        with self._lock:
            bench = self._bench
            if bench is None or not bench.serves(task):
                if bench is not None:
                    bench.close()
                self._bench = None
                self._bench = bench = Bench(task)
            if task.run == self._over:  # it ended while the bench was made
                bench.close()
                self._bench = None
                raise GraderFault("This run is over.")
            return bench.grade(task)

    def close(self, run: str | None = None) -> None:
        """End what is under way, and all judges; only those of that run, if one is named."""
        self._over = run or self._over
        bench = self._bench
        if bench is None or run not in (None, bench.run):
            return
        bench.stop()
        with self._lock:
            bench.close()
            if self._bench is bench:
                self._bench = None


class Bench:
    """A run's judges in this worker. `stop` may be called from another thread, the rest only by whoever holds the keeper's lock."""

    def __init__(self, task: Task) -> None:
        self.run, self._asked = task.run, (task.run, task.seed, task.wanted.isolation)
        self._catalog = Catalog(find_root())
        self._machine = machine_class()
        self._stopped = False
        self._stack = ExitStack()
        self._grading = self._stack.enter_context(Grading(seed=task.seed, isolation=task.wanted.isolation))
        self._slot = self._stack.enter_context(Slot(self._grading))

    def serves(self, task: Task) -> bool:
        return self._asked == (task.run, task.seed, task.wanted.isolation) and not self._stopped

    def grade(self, task: Task) -> Answer:
        exercise = self._catalog.find(task.unit.slug)
        with tempfile.TemporaryDirectory(prefix="grader-source-") as folder:
            source = Path(folder) / f"{exercise.slug}.py"
            source.write_bytes(task.source)
            checks = self._slot.grade(task.unit, exercise, source)
        if self._stopped:  # its judge was killed, which says nothing of the submission
            raise GraderFault("This worker was stopped.")
        return Answer(self._machine, self._grading.isolation, tuple(as_data(checks)))

    def stop(self) -> None:
        self._stopped = True
        self._grading.stop()

    def close(self) -> None:
        self._stack.close()


def grade(task: Task) -> Answer:
    """The task of Dask. A refusal is an answer: another try would not change it."""
    worker = get_worker()
    assert hashlib.sha256(task.source).hexdigest() == task.unit.sha256
    if fault := misfit(task.wanted, worker):
        return Answer(machine_class(), refused=f"{platform.node()} cannot grade: {fault}")
    keeper = worker.plugins[NAME]
    assert isinstance(keeper, Keeper)
    return keeper.grade(task)


async def release(run: str, dask_worker: Worker) -> None:
    """That run is over."""
    keeper = dask_worker.plugins.get(NAME)
    if isinstance(keeper, Keeper):
        await asyncio.to_thread(keeper.close, run)


def _undo_environment(worker: Worker) -> None:
    """Dask's nanny changes how numeric libraries, memory and hashes work: for its own tasks, not for judges."""
    if worker.nanny is None:
        return
    changed: dict[str, Any] = {"PYTHONHASHSEED": 6640, **dask.config.get("distributed.nanny.pre-spawn-environ", {})}
    for name, value in changed.items():
        if os.environ.get(name) == str(value):
            del os.environ[name]
