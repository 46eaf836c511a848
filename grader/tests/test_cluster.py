"""`grader regrade --cluster`: a real scheduler and real workers give the gradebook of one machine, whoever dies in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client

from grader.catalog import Catalog, find_root
from grader.classroom import cluster, regrade, synthetic
from grader.classroom.collect import Collector
from grader.classroom.places import lowest, places_told
from grader.classroom.store import Store
from grader.classroom.units import Context, Place, Unit, context, machine_class
from grader.errors import GraderError, GraderFault, UsageError
from grader.grading import Grading
from grader.verdict import Verdict

CATALOG = Catalog(find_root(Path(__file__).parent))
LIGHT = ("ticket_office", "per_thread_db")
TIMED = "warm_caches"
WAIT = 60  # seconds for processes to start, on a busy machine
Gradebook = dict[tuple[str, str], tuple[Verdict, int]]

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="workers are killed here")


class Dask:
    """A scheduler and its workers: processes of their own, started as a person would."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder, self._environment = folder, {**os.environ, **settings}
        self._stack = ExitStack()
        self.file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard")
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._stack.close()

    def add(self, *arguments: str, cwd: Path = CATALOG.root) -> subprocess.Popen[bytes]:
        words = ("worker", "--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", str(self._folder))
        self.workers.append(self._start(*words, *arguments, cwd=cwd))
        return self.workers[-1]

    def are_there(self, count: int) -> None:
        with Client(scheduler_file=str(self.file), timeout=WAIT, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=WAIT)

    def _start(self, *arguments: str, cwd: Path = CATALOG.root) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context(open(self._folder / f"{arguments[0]}.log", "ab"))
        command = [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        return subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, env=self._environment)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> regrade.Plan:
    """A small class, of exercises that are quickly judged and have nothing to measure."""
    folder = tmp_path_factory.mktemp("class") / "handed-in"
    exercises = [CATALOG.find(slug) for slug in LIGHT]
    synthetic.make(folder, exercises, files=10, seed=3)
    return regrade.plan(CATALOG, Collector(CATALOG, exercises, folder.parent / "unpacked", []).collect(folder))


@pytest.fixture(scope="module")
def expected(light: regrade.Plan, tmp_path_factory: pytest.TempPathFactory) -> Gradebook:
    """What this machine alone finds."""
    with Store(tmp_path_factory.mktemp("here") / "verdicts.jsonl") as store, Grading() as grading:
        where = context(0, grading.isolation)
        regrade.grade_here(light, store, where, grading, 2, lambda unit, seconds: None)
        return gradebook(light, store, where)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with Dask(tmp_path_factory.mktemp("dask")) as made:
        made.add("--resources", "timing=1")
        made.are_there(1)
        yield made


def everywhere() -> Context:
    return replace(context(0, "auto"), elsewhere=True)


def gradebook(plan: regrade.Plan, store: Store, where: Context) -> Gradebook:
    graded = regrade.results_of(plan, store, where)
    return {(one.person.identifier, r.name): (r.verdict, r.score) for one in graded for r in one.results}


def plan_of(folder: Path, slug: str, *sources: bytes) -> regrade.Plan:
    for number, source in enumerate(sources):
        (folder / f"student-{number}").mkdir(parents=True)
        (folder / f"student-{number}" / f"{slug}.py").write_bytes(source)
    collector = Collector(CATALOG, [CATALOG.find(slug)], folder / "unpacked", [])
    return regrade.plan(CATALOG, collector.collect(folder))


def after(count: int, act: Callable[[], object]) -> Callable[[Unit, float], None]:
    """A `done` that does something when so many units are in the store."""
    seen: list[Unit] = []

    def done(unit: Unit, seconds: float) -> None:
        seen.append(unit)
        if len(seen) == count:
            act()

    return done


def quietly(text: str) -> None:
    pass


def test_a_cluster_that_loses_a_worker_gives_the_gradebook_of_one_machine(
    light: regrade.Plan, expected: Gradebook, tmp_path: Path
) -> None:
    where = everywhere()
    with Dask(tmp_path) as dask, Store(tmp_path / "verdicts.jsonl") as store:
        victim = dask.add()
        dask.add()
        dask.are_there(2)
        cluster.grade_there(light, store, where, str(dask.file), after(3, victim.kill), quietly)
        assert victim.wait() == -signal.SIGKILL
        assert gradebook(light, store, where) == expected


class Interrupted(BaseException):
    pass


def stop() -> None:
    raise Interrupted


def test_a_regrade_that_was_stopped_goes_on_where_it_was(
    light: regrade.Plan, expected: Gradebook, dask: Dask, tmp_path: Path
) -> None:
    where = everywhere()
    with Store(tmp_path / "verdicts.jsonl") as store, pytest.raises(Interrupted):
        cluster.grade_there(light, store, where, str(dask.file), after(4, stop), quietly)
    again: list[Unit] = []
    with Store(tmp_path / "verdicts.jsonl") as store:
        left = [*regrade.missing(light, store, where, timed=False)]
        cluster.grade_there(light, store, where, str(dask.file), lambda unit, _: again.append(unit), quietly)
        assert again == left
        assert len(left) < len(light.sources)
        assert gradebook(light, store, where) == expected


def test_a_speed_up_is_remembered_for_the_machine_that_measured_it(dask: Dask, tmp_path: Path) -> None:
    exercise = CATALOG.find(TIMED)
    plan = plan_of(tmp_path / "class", TIMED, exercise.reference.read_bytes())
    where = everywhere()
    with Store(tmp_path / "verdicts.jsonl") as store:
        cluster.grade_there(plan, store, where, str(dask.file), lambda unit, seconds: None, quietly)
        [place] = regrade.places_of(plan, store, where)
        assert place.machine == machine_class()
        [source] = plan.sources.values()
        checks = store.get(where.at(place).key(Unit(TIMED, source.sha256, timed=True), exercise))
        assert checks is not None
        assert {check.verdict for check in checks} <= {Verdict.PASSED, Verdict.INCONCLUSIVE}


def test_timed_units_wait_for_a_worker_that_measures(tmp_path: Path) -> None:
    plan = plan_of(tmp_path / "class", TIMED, CATALOG.find(TIMED).reference.read_bytes())
    said: list[str] = []
    done: list[Unit] = []
    with Dask(tmp_path) as dask, Store(tmp_path / "verdicts.jsonl") as store:
        dask.add()
        dask.are_there(1)
        with pytest.raises(GraderFault, match="No worker that measures came to .* --resources 'timing=1'.*--resume"):
            cluster.grade_there(
                plan, store, everywhere(), str(dask.file), lambda unit, _: done.append(unit), said.append, patience=0
            )
    assert [unit.timed for unit in done] == [False]
    assert "No worker offers to measure yet" in said[0]


@pytest.fixture
def other_checkout(tmp_path: Path) -> Path:
    """This repository, with another check of the first exercise."""
    root = tmp_path / "checkout"
    for name in ("exercises", "tests"):
        shutil.copytree(CATALOG.root / name, root / name)
    with open(Catalog(root).find(LIGHT[0]).tests, "a") as file:
        file.write("\n# another version\n")
    return root


def refusal(light: regrade.Plan, dask: Dask, count: int, tmp_path: Path) -> str:
    dask.are_there(count)
    with Store(tmp_path / "verdicts.jsonl") as store:
        with pytest.raises(UsageError) as raised:
            cluster.grade_there(light, store, everywhere(), str(dask.file), lambda unit, seconds: None, quietly)
        assert len(store) == 0
    return str(raised.value)


def test_workers_that_would_judge_otherwise_are_refused_by_name(
    light: regrade.Plan, other_checkout: Path, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger" / "grader"
    stranger.mkdir(parents=True)
    (stranger / "__init__.py").touch()
    with Dask(tmp_path) as other, Dask(stranger, PYTHONPATH=str(stranger.parent)) as strange:
        other.add(cwd=other_checkout)
        strange.add(cwd=stranger.parent)
        said = refusal(light, other, 1, tmp_path)
        assert os.uname().nodename in said
        assert f"its checks of {LIGHT[0]} in {other_checkout} are others" in said
        assert "has no grader like this one" in refusal(light, strange, 1, tmp_path)


def test_a_worker_with_many_threads_and_two_that_measure_on_one_machine_are_refused(
    light: regrade.Plan, tmp_path: Path
) -> None:
    with Dask(tmp_path) as dask:
        many = dask.add("--nthreads", "3")
        assert "it has 3 threads" in refusal(light, dask, 1, tmp_path)
        many.kill()
        many.wait()
        dask.add("--resources", "timing=1")
        dask.add("--resources", "timing=1")
        assert "2 workers on" in refusal(light, dask, 2, tmp_path)


KILLER = b"""
import os, pathlib, signal
pid = os.getpid()
while pid > 1:
    if b"dask" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
        os.kill(pid, signal.SIGKILL)
    pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the submission reads /proc")
def test_a_submission_that_kills_its_workers_ends_as_error_and_the_others_are_graded(tmp_path: Path) -> None:
    slug = LIGHT[0]
    plan = plan_of(tmp_path / "class", slug, KILLER, CATALOG.find(slug).reference.read_bytes())
    where = replace(everywhere(), isolation="process-group")  # in a cage it would find nobody
    settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with Dask(tmp_path, **settings) as dask, Store(tmp_path / "verdicts.jsonl") as store:
        for _ in range(3):
            dask.add()
        dask.are_there(3)
        cluster.grade_there(plan, store, where, str(dask.file), lambda unit, seconds: None, quietly)
        graded = gradebook(plan, store, where)
        assert graded["student-0", slug][0] is Verdict.ERROR
        assert graded["student-1", slug] == (Verdict.PASSED, 100)
        assert len([worker for worker in dask.workers if worker.poll() is not None]) == 2
        assert {place.isolation for place in regrade.places_of(plan, store, where)} == {"process-group"}


def test_a_lost_scheduler_ends_with_what_to_do_and_keeps_what_was_graded(light: regrade.Plan, tmp_path: Path) -> None:
    with Dask(tmp_path) as dask:
        dask.add()
        dask.are_there(1)
        with (
            Store(tmp_path / "verdicts.jsonl") as store,
            pytest.raises(GraderFault, match=r"scheduler .* is gone.*--resume"),
        ):
            cluster.grade_there(light, store, everywhere(), str(dask.file), after(1, dask.scheduler.kill), quietly)
        with Store(tmp_path / "verdicts.jsonl") as store:
            assert len(store) >= 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:1", "No Dask scheduler answers"),
        ("nobody.json", "There is no file"),
        ("local:none", "local:4 starts four"),
    ],
)
def test_an_address_that_leads_nowhere_is_said(
    address: str, said: str, light: regrade.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT", 1.0)
    with Store(tmp_path / "verdicts.jsonl") as store, pytest.raises(GraderError, match=said):
        cluster.grade_there(light, store, everywhere(), address, lambda unit, seconds: None, quietly)


def command(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    program = f"import sys; {before}; sys.argv[0] = 'grader'; from grader.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "regrade", *arguments], cwd=CATALOG.root, capture_output=True, text=True
    )


def test_the_command_starts_a_local_cluster_and_names_the_machine(tmp_path: Path) -> None:
    slug = LIGHT[0]
    plan_of(tmp_path / "class", slug, CATALOG.find(slug).reference.read_bytes())
    done = command(str(tmp_path / "class"), "--cluster", "local:1")
    assert done.returncode == 0, done.stderr
    assert "1 people, 1 files, 1 different ones: 1 passed" in done.stdout
    assert "Graded on 1 machine: " in done.stdout


def test_without_the_package_the_command_says_what_to_install(tmp_path: Path) -> None:
    slug = LIGHT[0]
    plan_of(tmp_path / "class", slug, b"pass\n")
    done = command(str(tmp_path / "class"), "--cluster", "local", before="sys.modules['distributed'] = None")
    assert done.returncode == 2
    assert "--cluster needs the package distributed" in done.stderr
    both = command(str(tmp_path / "class"), "--cluster", "local", "--jobs", "2")
    assert both.returncode == 2
    assert "--jobs is for this machine" in both.stderr


def test_the_lowest_level_is_told_with_the_machines_that_have_no_better_one() -> None:
    places = [Place("a, x86_64", "bubblewrap"), Place("b, x86_64", "landlock")]
    assert lowest(places) == "landlock"
    assert places_told(places) == [
        "Graded on 2 machines: a, x86_64; b, x86_64. The lowest isolation level used was landlock (on b)."
    ]
    assert places_told([]) == []
