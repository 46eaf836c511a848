"""`grader regrade --cluster`: a real scheduler and real workers give the gradebook of one machine, whoever dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client

from grader.catalog import Catalog
from grader.classroom import cluster, regrade
from grader.classroom.collect import Collector
from grader.classroom.places import lowest, places_told
from grader.classroom.store import Store
from grader.classroom.units import Context, Place, Unit, context, machine_class
from grader.errors import GraderError, GraderFault, UsageError
from grader.grading import Grading
from grader.tests.small import exercise_toml
from grader.verdict import Verdict

LIGHT, TIMED = "doubled", "tripled"  # of a checkout of two small exercises; the second has something to measure
TOML = exercise_toml("times", seconds=5)
CHECKS = """
EXERCISE, FACTOR = "{slug}", {factor}

from grader.judge import Submission, expect, kind

@kind("correctness")
def test_small_numbers(submission: Submission) -> None:
    expect(submission.times(2) == 2 * FACTOR, "A small number is wrong.")

@kind("failure")
def test_zero(submission: Submission) -> None:
    expect(submission.times(0) == 0, "Zero is wrong.")
"""
MEASURED = """
@kind("speedup")
def test_large_numbers(submission: Submission) -> None:
    expect(submission.times(10**9) == FACTOR * 10**9, "A large number is wrong.")
"""
STUB = "def times(number):\n    raise NotImplementedError\n"
RIGHT = "def times(number):\n    return number * {factor}\n"
HANDED_IN = (
    RIGHT, RIGHT, STUB, "def times(number):\n    return {factor}\n", "def broken(:\n", "import os\nos._exit(0)\n",
    "def times(number):\n    return number * {factor} if number else 1 / 0\n",
    *(RIGHT + f"# {number}\n" for number in range(6)),
)  # fmt: skip
WAIT = 60  # seconds for processes to start, on a busy machine
Gradebook = dict[tuple[str, str], tuple[Verdict, int]]

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="workers are killed here")


class Dask:
    """A scheduler and its workers: processes of their own, started as a person would."""

    def __init__(self, folder: Path, checkout: Path, **settings: str) -> None:
        # Killed workers leave files. A short name: there will be sockets in it.
        self._temp = tempfile.TemporaryDirectory(prefix="dask-", ignore_cleanup_errors=True)
        self._folder, self._checkout = folder, checkout
        self._environment = {**os.environ, "TMPDIR": self._temp.name, **settings}
        self.file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard")
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._temp.cleanup()

    def add(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        words = ("worker", "--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", self._temp.name)
        self.workers.append(self._start(*words, *arguments, cwd=cwd))
        return self.workers[-1]

    def are_there(self, count: int) -> None:
        with Client(scheduler_file=str(self.file), timeout=WAIT, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=WAIT)

    def _start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        with open(self._folder / f"{arguments[0]}.log", "ab") as log:
            return subprocess.Popen(command, cwd=cwd or self._checkout, stdout=log, stderr=log, env=self._environment)


def checkout_in(root: Path) -> Catalog:
    (root / "tests" / "threads").mkdir(parents=True)
    for slug, factor, measured in ((LIGHT, 2, ""), (TIMED, 3, MEASURED)):
        folder = root / "exercises" / "threads" / slug
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(TOML)
        (folder / f"{slug}.py").write_text(STUB)
        checks = CHECKS.format(slug=slug, factor=factor) + measured
        (root / "tests" / "threads" / f"test_{slug}.py").write_text(checks)
    track = f'title = "Threads"\nintro = ""\norder = ["{LIGHT}", "{TIMED}"]\n'
    (root / "exercises" / "threads" / "track.toml").write_text(track)
    return Catalog(root)


def plan_of(catalog: Catalog, folder: Path, slug: str, *sources: str) -> regrade.Plan:
    """A person for each of these sources."""
    for number, source in enumerate(sources):
        place = folder / f"student-{number:02}" / f"{slug}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(source)
    collector = Collector(catalog, catalog.exercises, folder.parent / "unpacked", [])
    return regrade.plan(catalog, collector.collect(folder))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return checkout_in(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def light(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> regrade.Plan:
    """A small class that has nothing to measure."""
    sources = [source.replace("{factor}", "2") for source in HANDED_IN]
    return plan_of(catalog, tmp_path_factory.mktemp("class") / "handed-in", LIGHT, *sources)


@pytest.fixture(scope="module")
def expected(light: regrade.Plan, tmp_path_factory: pytest.TempPathFactory) -> Gradebook:
    """What this machine alone finds."""
    with Store(tmp_path_factory.mktemp("here") / "verdicts.jsonl") as store, Grading() as grading:
        where = context(0, grading.isolation)
        regrade.grade_here(light, store, where, grading, 2, lambda unit, seconds: None)
        return gradebook(light, store, where)


@pytest.fixture(scope="module")
def dask(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with Dask(tmp_path_factory.mktemp("dask"), catalog.root) as made:
        made.add("--resources", "timing=1")
        made.are_there(1)
        yield made


def everywhere() -> Context:
    return replace(context(0, "auto"), elsewhere=True)


def gradebook(plan: regrade.Plan, store: Store, where: Context) -> Gradebook:
    graded = regrade.results_of(plan, store, where)
    return {(one.person.identifier, r.name): (r.verdict, r.score) for one in graded for r in one.results}


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
    light: regrade.Plan, expected: Gradebook, catalog: Catalog, tmp_path: Path
) -> None:
    where = everywhere()
    with Dask(tmp_path, catalog.root) as dask, Store(tmp_path / "verdicts.jsonl") as store:
        victim = dask.add()
        dask.add()
        dask.are_there(2)
        cluster.grade_there(light, store, where, str(dask.file), after(3, victim.kill), quietly)
        assert victim.wait() == -signal.SIGKILL
        assert gradebook(light, store, where) == expected
    assert {Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED, Verdict.NOT_STARTED} <= {
        found for found, _ in expected.values()
    }


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


def test_a_speed_up_is_remembered_for_the_machine_that_measured_it(
    catalog: Catalog, dask: Dask, tmp_path: Path
) -> None:
    exercise = catalog.find(TIMED)
    plan = plan_of(catalog, tmp_path / "class", TIMED, RIGHT.replace("{factor}", "3"))
    where = everywhere()
    with Store(tmp_path / "verdicts.jsonl") as store:
        cluster.grade_there(plan, store, where, str(dask.file), lambda unit, seconds: None, quietly)
        [place] = regrade.places_of(plan, store, where)
        assert place.machine == machine_class()
        [source] = plan.sources.values()
        checks = store.get(where.at(place).key(Unit(TIMED, source.sha256, timed=True), exercise))
        assert checks is not None
        assert [check.verdict for check in checks] == [Verdict.PASSED]


def test_timed_units_wait_for_a_worker_that_measures(catalog: Catalog, tmp_path: Path) -> None:
    plan = plan_of(catalog, tmp_path / "class", TIMED, RIGHT.replace("{factor}", "3"))
    said: list[str] = []
    done: list[Unit] = []
    with Dask(tmp_path, catalog.root) as dask, Store(tmp_path / "verdicts.jsonl") as store:
        dask.add()
        dask.are_there(1)
        with pytest.raises(GraderFault, match=r"No worker that measures came to .* --resources 'timing=1'.*--resume"):
            cluster.grade_there(
                plan, store, everywhere(), str(dask.file), lambda unit, _: done.append(unit), said.append, patience=0
            )
    assert [unit.timed for unit in done] == [False]
    assert "No worker offers to measure yet" in said[0]


def refusal(light: regrade.Plan, dask: Dask, count: int, tmp_path: Path, isolation: str = "auto") -> str:
    dask.are_there(count)
    where = replace(everywhere(), isolation=isolation)
    with Store(tmp_path / "verdicts.jsonl") as store:
        with pytest.raises(UsageError) as raised:
            cluster.grade_there(light, store, where, str(dask.file), lambda unit, seconds: None, quietly)
        assert len(store) == 0
    return str(raised.value)


def test_a_worker_with_other_checks_is_refused_by_name(light: regrade.Plan, tmp_path: Path) -> None:
    other = checkout_in(tmp_path / "checkout")
    with open(other.find(LIGHT).tests, "a") as file:
        file.write("\n# another version\n")
    with Dask(tmp_path, other.root) as dask:
        dask.add()
        said = refusal(light, dask, 1, tmp_path)
    assert os.uname().nodename in said
    assert f"its checks of {LIGHT} in {other.root} are others" in said


def test_a_worker_without_this_grader_is_refused(light: regrade.Plan, catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "grader").mkdir()
    (tmp_path / "grader" / "__init__.py").touch()
    with Dask(tmp_path, catalog.root, PYTHONPATH=str(tmp_path)) as dask:
        dask.add()
        assert "has no grader like this one" in refusal(light, dask, 1, tmp_path)


def test_a_worker_below_the_isolation_that_was_asked_for_is_refused(
    light: regrade.Plan, catalog: Catalog, tmp_path: Path
) -> None:
    with Dask(tmp_path, catalog.root, PATH=str(tmp_path)) as dask:  # no bwrap in there
        dask.add()
        said = refusal(light, dask, 1, tmp_path, isolation="bubblewrap")
    assert "The isolation level bubblewrap cannot be had here" in said


def test_a_worker_with_many_threads_and_two_that_measure_on_one_machine_are_refused(
    light: regrade.Plan, catalog: Catalog, tmp_path: Path
) -> None:
    with Dask(tmp_path, catalog.root) as dask:
        many = dask.add("--nthreads", "3")
        assert "it has 3 threads" in refusal(light, dask, 1, tmp_path)
        many.kill()
        many.wait()
        dask.add("--resources", "timing=1")
        dask.add("--resources", "timing=1")
        assert "2 workers on" in refusal(light, dask, 2, tmp_path)


KILLER = """
import os, pathlib, signal
pid = os.getpid()
while pid > 1:
    if b"dask" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
        os.kill(pid, signal.SIGKILL)
    pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the submission reads /proc")
def test_a_submission_that_kills_its_workers_ends_as_error_and_the_others_are_graded(
    catalog: Catalog, tmp_path: Path
) -> None:
    plan = plan_of(catalog, tmp_path / "class", LIGHT, KILLER, RIGHT.replace("{factor}", "2"))
    where = replace(everywhere(), isolation="process-group")  # in a cage it would find nobody
    settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with Dask(tmp_path, catalog.root, **settings) as dask, Store(tmp_path / "verdicts.jsonl") as store:
        for _ in range(3):
            dask.add()
        dask.are_there(3)
        cluster.grade_there(plan, store, where, str(dask.file), lambda unit, seconds: None, quietly)
        graded = gradebook(plan, store, where)
        assert graded["student-00", LIGHT][0] is Verdict.ERROR
        assert graded["student-01", LIGHT] == (Verdict.PASSED, 100)
        assert len([worker for worker in dask.workers if worker.poll() is not None]) == 2
        assert {place.isolation for place in regrade.places_of(plan, store, where)} == {"process-group"}


def test_a_lost_scheduler_ends_with_what_to_do_and_keeps_what_was_graded(
    light: regrade.Plan, catalog: Catalog, tmp_path: Path
) -> None:
    with Dask(tmp_path, catalog.root) as dask:
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


def command(catalog: Catalog, *arguments: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    program = f"import sys; {before}; sys.argv[0] = 'grader'; from grader.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "regrade", *arguments], cwd=catalog.root, capture_output=True, text=True
    )


def test_the_command_starts_a_local_cluster_and_names_the_machine(catalog: Catalog, tmp_path: Path) -> None:
    plan_of(catalog, tmp_path / "class", TIMED, RIGHT.replace("{factor}", "3"))
    done = command(catalog, str(tmp_path / "class"), "--cluster", "local:1")
    assert done.returncode == 0, done.stderr
    assert "1 people, 1 files, 1 different ones: 1 passed" in done.stdout
    assert "Graded on 1 machine: " in done.stdout


def test_without_the_package_the_command_says_what_to_install(catalog: Catalog, tmp_path: Path) -> None:
    plan_of(catalog, tmp_path / "class", LIGHT, "pass\n")
    done = command(catalog, str(tmp_path / "class"), "--cluster", "local", before="sys.modules['distributed'] = None")
    assert done.returncode == 2
    assert "--cluster needs the package distributed" in done.stderr
    both = command(catalog, str(tmp_path / "class"), "--cluster", "local", "--jobs", "2")
    assert both.returncode == 2
    assert "--jobs is for this machine" in both.stderr


def test_the_lowest_level_is_told_with_the_machines_that_have_no_better_one() -> None:
    places = [Place("a, x86_64", "bubblewrap"), Place("b, x86_64", "landlock")]
    assert lowest(places) == "landlock"
    assert places_told(places) == [
        "Graded on 2 machines: a, x86_64; b, x86_64. The lowest isolation level used was landlock (on b)."
    ]
    assert places_told([]) == []
