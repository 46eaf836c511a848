"""The same as `regrade.grade_here`, by the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import queue
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, Nanny, Scheduler, SpecCluster

from grader.classroom import worker
from grader.classroom.regrade import Done, Plan, is_measured, missing
from grader.classroom.store import Store
from grader.classroom.units import Context, Place, Unit, checks_hash, from_data
from grader.classroom.worker import Answer, Keeper, Task, Wanted
from grader.errors import GraderFault, UsageError
from grader.measure.cores import usable_cores
from grader.text import visible
from grader.verdict import CheckResult, Kind, Verdict

LOCAL = "local"
PATIENCE = 120.0  # seconds without a worker that could go on, until we give up
TICK = 1.0  # seconds between two looks at the cluster while nothing comes
CONNECT = 20.0  # seconds for a scheduler to answer
FETCH = 30.0  # seconds for an answer to come from the worker that has it
RETRIES = 2  # of a unit whose worker raised something; those that died are the scheduler's to count
Say = Callable[[str], None]


@dataclass(frozen=True)
class Member:
    """A worker. `machine`: `units.machine_class`; `timing`: it is the one of its machine that measures."""

    machine: str
    node: str
    isolation: str
    timing: bool


def grade_there(
    plan: Plan, store: Store, context: Context, address: str, done: Done, say: Say, patience: float = PATIENCE
) -> None:
    """Grade what the store does not know yet: everything that may run side by side, then, one a machine, what is timed.

    `context` must count what is graded `elsewhere`. `say` is told what a person should know meanwhile, such as why nothing
    moves. Raises UsageError for a cluster that cannot be used, GraderFault when it is lost; the store has what came before.
    """
    wanted = Wanted(
        platform.python_version(), context.grader,
        {slug: checks_hash(source.exercise) for (slug, _), source in plan.sources.items()},
        None if context.isolation == "auto" else context.isolation,
    )  # fmt: skip
    light = list(missing(plan, store, context, timed=False))
    if not light and not any(missing(plan, store, context, timed=True)):
        return
    with _joined(address, wanted, say, patience) as team:
        team.gather(timed=False)
        if any(missing(plan, store, context, timed=True)) and not team.room(timed=True):
            # While there is time to start one.
            say(f"No worker offers to measure yet; timed checks will wait for one. {_timing_remedy(team.address)}")
        flow = _Flow(plan, store, context, team, wanted, done)
        flow.grade(light, timed=False)
        timed = [unit for unit in missing(plan, store, context, timed=True) if is_measured(unit, plan, store, context)]
        if timed:
            team.gather(timed=True)
            flow.grade(timed, timed=True)


class _Team:
    """The workers of a scheduler that fit. Dead ones leave it and new ones come in, at every look."""

    def __init__(self, client: Client, address: str, wanted: Wanted, say: Say, patience: float) -> None:
        self.client, self.address, self.run = client, address, secrets.token_hex(4)
        self._wanted, self._say, self._patience = wanted, say, patience
        self._members: dict[str, Member] = {}
        self._lonely_since: float | None = None

    def room(self, *, timed: bool) -> int:
        """How many units may be under way."""
        if not timed:
            return len(self._members)
        return len({member.machine for member in self._members.values() if member.timing})

    def _see(self) -> None:
        """Raises UsageError that names a worker which would judge otherwise than this command."""
        if self.client.status != "running":
            raise self.lost()
        try:
            present = set(self.client.nthreads())
            new = sorted(present - set(self._members))
            said = self.client.run(worker.about, self._wanted, workers=new, on_error="return") if new else {}
        except OSError as error:
            raise self.lost() from error
        members = {address: member for address, member in self._members.items() if address in present}
        for address, answer in said.items():
            if isinstance(answer, OSError):
                continue  # it went away in this moment
            members[address] = self._member(address, answer)
        measuring = Counter(member.machine for member in members.values() if member.timing)
        for machine, count in measuring.items():
            if count > 1:
                raise UsageError(
                    f"{count} workers on {visible(machine)} offer to measure, but only one at a time can. "
                    f"Start one worker of each machine with --resources '{worker.TIMING}=1', the others without."
                )
        self._members = members

    def _member(self, address: str, answer: Mapping[str, Any] | Exception) -> Member:
        if isinstance(answer, Exception):
            raise UsageError(
                f"The worker {visible(address)} has no grader like this one ({visible(f'{type(answer).__name__}: {answer}'[:200])}). "
                "Install this repository there, at the same commit, and start the worker in it."
            )
        if answer["misfit"]:
            raise UsageError(
                f"The worker {visible(address)} on {visible(answer['node'])} cannot grade: {visible(answer['misfit'])}"
            )
        return Member(answer["machine"], answer["node"], answer["isolation"], answer["timing"])

    def gather(self, *, timed: bool) -> None:
        """Wait until somebody can go on."""
        self.look(timed=timed)
        while not self.room(timed=timed):
            time.sleep(TICK)
            self.look(timed=timed)

    def look(self, *, timed: bool) -> None:
        """See who is there now. Raises GraderFault when for too long nobody has been there who could go on."""
        self._see()
        if self.room(timed=timed):
            self._lonely_since = None
            return
        now = time.monotonic()
        if self._lonely_since is None:
            self._lonely_since = now
            self._say(f"No worker {'that measures ' * timed}is connected to {self.address}; waiting for one.")
        if now - self._lonely_since > self._patience:
            remedy = _timing_remedy(self.address) if timed else f"Start workers: {_start(self.address)}"
            raise GraderFault(
                f"No worker {'that measures ' * timed}came to {self.address} within {self._patience:.0f} s. {remedy} "
                "What has been graded is kept: run the command again with --resume."
            )

    def lost(self) -> GraderFault:
        return GraderFault(
            f"The Dask scheduler at {self.address} is gone or out of reach. What has been graded is kept: "
            "start the scheduler and its workers again, and run the command again with --resume."
        )

    def forget(self, futures: Sequence[Future[Answer]]) -> None:
        """Nobody waits for these any more, so nobody shall try them again."""
        if futures and self.client.status == "running":
            with contextlib.suppress(Exception):
                self.client.cancel(futures)

    def release(self) -> None:
        """End what this run still has in the workers. Whoever is gone needs no end."""
        if self.client.status == "running":
            with contextlib.suppress(Exception):
                self.client.run(worker.release, self.run, on_error="ignore")


class _Flow:
    """Sends units to the team, and their results into the store.

    No more units are under way than can be graded at once: whoever is under way when a worker dies is suspected to be the cause.
    """

    def __init__(self, plan: Plan, store: Store, context: Context, team: _Team, wanted: Wanted, done: Done) -> None:
        self._plan, self._store, self._context, self._team, self._wanted = plan, store, context, team, wanted
        self._done = done
        self._sent = 0
        self._ended: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()
        self._under_way: dict[Any, tuple[Unit, Future[Answer], float]] = {}

    def grade(self, units: Sequence[Unit], *, timed: bool) -> None:
        try:
            self._grade(deque(units), timed=timed)
        finally:
            self._team.forget([future for _, future, _ in self._under_way.values()])

    def _grade(self, waiting: deque[Unit], *, timed: bool) -> None:
        looked = time.monotonic()
        while waiting or self._under_way:
            while waiting and len(self._under_way) < self._team.room(timed=timed):
                self._send(waiting.popleft())
            with contextlib.suppress(queue.Empty):
                self._take(self._ended.get(timeout=TICK))
            if time.monotonic() - looked > TICK:
                self._team.look(timed=timed)
                looked = time.monotonic()

    def _send(self, unit: Unit) -> None:
        source = self._plan.sources[unit.slug, unit.sha256].path.read_bytes()
        wanted = replace(self._wanted, checks={unit.slug: self._wanted.checks[unit.slug]})
        self._sent += 1
        future: Future[Answer] = self._team.client.submit(
            worker.grade, Task(self._team.run, unit, source, self._context.seed, wanted),
            key=f"{unit.slug}-{self._team.run}-{self._sent}", pure=False, retries=RETRIES,
            resources={worker.TIMING: 1} if unit.timed else None,
        )  # fmt: skip
        self._under_way[future.key] = unit, future, time.monotonic()
        future.add_done_callback(self._ended.put)

    def _take(self, future: Future[Answer]) -> None:
        unit, _, began = self._under_way[future.key]
        place, checks = Place("", self._context.isolation), []  # nowhere, unless there is an answer
        match future.status:
            case "finished":
                try:
                    answer = future.result(timeout=FETCH)
                except CancelledError as error:
                    raise self._team.lost() from error
                except TimeoutError:  # the worker died with the answer; another one grades it again
                    self._team.look(timed=unit.timed)
                    future.add_done_callback(self._ended.put)
                    return
                if answer.refused:
                    raise GraderFault(f"{visible(answer.refused)} What has been graded is kept: --resume goes on.")
                place, checks = Place(answer.machine, answer.isolation), from_data(answer.checks)
            case "error":
                self._team.look(timed=unit.timed)  # a worker of another version raises whatever it likes
                checks = [_own_fault(future.exception())]
            case _:
                raise self._team.lost()
        key = self._context.at(place).key_with(unit, self._wanted.checks[unit.slug])
        self._store.put(key, unit, checks, place)
        del self._under_way[future.key]
        self._done(unit, time.monotonic() - began)


def _own_fault(error: BaseException | None) -> CheckResult:
    happened = f"A worker ended with {type(error).__name__}: {str(error)[:200]}"
    if isinstance(error, KilledWorker):
        happened = f"{error.allowed_failures + 1} workers died while they graded this, the last one at {error.last_worker.address}."
    advice = "Look at the workers' logs and at this submission. --resume tries it again."
    return CheckResult("judge", "The judge itself", Kind.CORRECTNESS, Verdict.ERROR, 0.0, happened, advice)


@contextlib.contextmanager
def _joined(address: str, wanted: Wanted, say: Say, patience: float) -> Iterator[_Team]:
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if address.partition(":")[0] == LOCAL:
            address = stack.enter_context(_local(address)).scheduler_address
        client = stack.enter_context(_client(address))
        team = _Team(client, address, wanted, say, patience)
        team.look(timed=False)  # before anything of ours is sent to a worker that cannot read it
        client.register_plugin(Keeper())
        stack.callback(team.release)
        yield team


def _client(address: str) -> Client:
    place: dict[str, Any] = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    if address.endswith(".json") and not Path(address).exists():
        raise UsageError(f"There is no file {address}. `dask scheduler --scheduler-file {address}` writes it.")
    try:
        return Client(**place, timeout=CONNECT, set_as_default=False, name="grader-regrade")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address}. Start one with `dask scheduler`, which prints its address, "
            "or try `--cluster local`, which needs none."
        ) from error


def _local(address: str) -> SpecCluster:
    """Worker processes on this machine, for trying it out; one of them measures."""
    count = address.partition(":")[2] or str(usable_cores())
    if not count.isdecimal() or not 0 < int(count) <= 8 * (os.cpu_count() or 1):
        raise UsageError(f"--cluster {address} is not understood. local:4 starts four worker processes here.")
    common = {"nthreads": 1, "host": "127.0.0.1", "memory_limit": 0, "dashboard": False, "silence_logs": logging.ERROR}
    return SpecCluster(
        workers={
            number: {"cls": Nanny, "options": {**common, "resources": {worker.TIMING: 1} if number == 0 else None}}
            for number in range(int(count))
        },
        scheduler={"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard": False}},
        silence_logs=logging.ERROR,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What Dask logs here about lost schedulers and ended workers, this module says in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "tornado.application")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _at(address: str) -> str:
    """As `dask worker` takes it."""
    return f"--scheduler-file {address}" if address.endswith(".json") else address


def _start(address: str) -> str:
    return f"`dask worker {_at(address)} --nthreads 1 --nworkers N` in the checkout, on each machine."


def _timing_remedy(address: str) -> str:
    return f"Start one worker of each machine with `dask worker {_at(address)} --nthreads 1 --resources '{worker.TIMING}=1'`."
