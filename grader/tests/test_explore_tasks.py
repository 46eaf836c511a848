"""Explored schedules of asyncio programs: what is found, what is never accused, and what a finding says."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from grader.explore.program import Program
from grader.explore.results import Kind
from grader.explore.tasks import TaskExploration, TaskFailure, choose, explore_tasks
from grader.explore.tasks_bench import Case, bench, cases, fault_in, measure

CORPUS = Path(__file__).parent / "corpus"
CASES = cases(CORPUS)
SEEDS = range(20)
Explored = Callable[..., TaskExploration]


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Program]:
    def write(source: str) -> Program:
        path = tmp_path / "work.py"
        path.write_text(textwrap.dedent(source))
        return Program([path])

    return write


def explored(scenario: Callable[..., Any], program: Program, **options: Any) -> TaskExploration:
    exploration = explore_tasks(scenario, program, **options)
    for _ in exploration:
        pass
    return exploration


def failure_of(scenario: Callable[..., Any], program: Program, **options: Any) -> TaskFailure:
    failure = explored(scenario, program, **options).failure
    assert failure is not None
    return failure


# -- the corpus ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if c.buggy], ids=lambda c: c.name)
def test_every_faulty_program_is_found_and_its_counterexample_replays(case: Case) -> None:
    *_, last = case.explorations(0)
    assert fault_in(case, last) == ""
    if last.summary.schedules > 1:  # the first schedule is the same for every seed
        assert measure(case, SEEDS).wrong == ()


@pytest.mark.parametrize("case", [c for c in CASES if not c.buggy], ids=lambda c: c.name)
def test_no_correct_program_is_accused(case: Case) -> None:
    *_, last = case.explorations(0)
    assert fault_in(case, last) == ""
    if not last.summary.exhausted:  # the planned cancellations are the same for every seed
        assert measure(case, SEEDS, schedules=10, cancel=None).wrong == ()


def test_the_bench_tells_which_verdict_was_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "asyncio" / "mislabelled"
    folder.mkdir(parents=True)
    (folder / "scenario.py").write_text("async def scenario(m):\n    assert await m.answer() == 42\n")
    (folder / "buggy.py").write_text("async def answer():\n    return 42\n")
    (folder / "correct.py").write_text("async def answer():\n    return 41\n")
    lines: list[str] = []
    assert bench(tmp_path, 1, lines.append) == 2
    assert "WRONG: seed 0: not found" in lines[1]
    assert "WRONG: seed 0: accused: race" in lines[2]


# -- order and time ------------------------------------------------------------------------------------------------------

FIRST_STARTED = """
    async def run(n, log):
        log.append(n)
"""


async def in_the_order_of_starting(m: Any) -> None:
    log: list[int] = []
    await asyncio.gather(*(m.run(n, log) for n in range(3)))
    assert log == [0, 1, 2]


def test_the_order_of_starting_can_be_relied_on_unless_reordering_is_asked_for(program: Any) -> None:
    work = program(FIRST_STARTED)
    assert explored(in_the_order_of_starting, work).failure is None
    failure = failure_of(in_the_order_of_starting, work, reorder=True)
    assert (failure.kind, failure.switches) == (Kind.RACE, 1)


def test_the_same_seed_gives_the_same_schedules(program: Any) -> None:
    async def scenario(m: Any) -> list[int]:
        log: list[int] = []
        await asyncio.gather(*(m.run(n, log) for n in range(4)))
        return log

    def found(seed: int) -> list[tuple[Any, str]]:
        return [(o.value, o.schedule) for o in explore_tasks(scenario, program(FIRST_STARTED), reorder=True, seed=seed)]

    assert found(1) == found(1)
    assert found(1) != found(2)


def test_time_is_virtual_for_tasks_clocks_and_threads(program: Any) -> None:
    work = program("""
        import asyncio, time
        async def wait():
            began = time.monotonic()
            await asyncio.sleep(3600)
            await asyncio.gather(*(asyncio.to_thread(time.sleep, 60) for _ in range(5)))
            return round(time.monotonic() - began, 3)
    """)

    async def scenario(m: Any) -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        return await m.wait(), round(loop.time() - began, 3)

    began = time.monotonic()
    assert [o.value for o in explore_tasks(scenario, work, schedules=5)] == [(3660.0, 3660.0)]
    assert time.monotonic() - began < 60


def test_an_executor_has_as_many_threads_as_it_says(program: Any) -> None:
    work = program("""
        import asyncio, time
        from concurrent.futures import ThreadPoolExecutor
        async def wait():
            loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(2)
            began = loop.time()
            await asyncio.gather(*(loop.run_in_executor(pool, time.sleep, 1) for _ in range(4)))
            pool.shutdown(wait=False)
            return round(loop.time() - began, 3)
    """)
    assert {o.value for o in explore_tasks(lambda m: m.wait(), work, schedules=20)} == {2.0}


def test_an_executor_of_the_scenario_is_used_as_it_is(program: Any) -> None:
    class Later(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            asyncio.get_running_loop().call_later(1, lambda: future.set_result(fn(*args)))
            return future

    work = program("""
        import asyncio
        async def square(pool, n):
            return await asyncio.get_running_loop().run_in_executor(pool, lambda: n * n)
    """)
    assert [o.value for o in explore_tasks(lambda m: m.square(Later(), 7), work)] == [49]


def test_a_loop_of_a_thread_is_under_control_too(program: Any) -> None:
    work = program("""
        import asyncio
        async def nap():
            await asyncio.sleep(1000)
            return "rested"
        async def run():
            return await asyncio.to_thread(asyncio.run, nap())
    """)
    assert [o.value for o in explore_tasks(lambda m: m.run(), work, schedules=10)] == ["rested"]


def test_what_the_scenario_leaves_open_is_tried_in_full(program: Any) -> None:
    async def scenario(m: Any) -> tuple[int, str]:
        return choose([1, 2, 3]), choose("ab")

    exploration = explore_tasks(scenario, program(""))
    assert sorted(o.value for o in exploration) == [(n, c) for n in (1, 2, 3) for c in "ab"]
    assert exploration.summary.exhausted
    assert asyncio.run(scenario(None)) == (1, "a")


def test_a_set_of_tasks_has_the_same_order_every_time(program: Any) -> None:
    work = program("""
        import asyncio
        async def order():
            tasks = {asyncio.create_task(asyncio.sleep(0, n)): n for n in range(9)}
            done, _ = await asyncio.wait(tasks)
            return [tasks[task] for task in done]
    """)
    assert len({str(o.value) for o in explore_tasks(lambda m: m.order(), work, reorder=True)}) == 1


# -- cancellation --------------------------------------------------------------------------------------------------------

THREE_AWAITS = """
    import asyncio
    async def work():
        try:
            await asyncio.sleep(1)
            await asyncio.sleep(2)
        finally:
            await asyncio.sleep(3)
"""


async def worked(m: Any) -> bool:
    task = asyncio.create_task(m.work(), name="worker")
    await asyncio.wait([task])
    return task.cancelled()


def lines_of(exploration: TaskExploration) -> set[tuple[int, ...]]:
    return {tuple(c.line for c in outcome.cancelled) for outcome in exploration}


@pytest.mark.parametrize("name", ["worker", "work*", "everywhere"])
def test_a_cancellation_comes_at_every_await_once(program: Any, name: str) -> None:
    assert lines_of(explore_tasks(worked, program(THREE_AWAITS), cancel=name)) == {(), (5,), (6,), (8,)}


def test_a_second_cancellation_comes_at_every_await_that_follows(program: Any) -> None:
    found = lines_of(explore_tasks(worked, program(THREE_AWAITS), cancel="worker", cancel_times=2))
    assert found == {(), (5,), (6,), (8,), (5, 8), (6, 8)}


def test_only_the_named_tasks_are_cancelled(program: Any) -> None:
    assert lines_of(explore_tasks(worked, program(THREE_AWAITS), cancel="somebody")) == {()}


def test_a_cancellation_comes_also_when_the_answer_is_there_already(program: Any) -> None:
    async def scenario(m: Any) -> tuple[bool, bool]:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(1, lambda: None if future.done() else future.set_result(None))
        task = asyncio.create_task(m.wait(future), name="waiter")
        await asyncio.wait([task])
        await asyncio.sleep(2)
        return task.cancelled(), future.cancelled()

    work = program("async def wait(future):\n    await future\n")
    found = {(o.value, len(o.cancelled)) for o in explore_tasks(scenario, work, cancel="waiter")}
    assert found == {((False, False), 0), ((True, True), 1), ((True, False), 1)}


def test_the_place_of_a_cancellation_is_found_behind_an_asynchronous_context_manager(program: Any) -> None:
    work = program("""
        import asyncio, contextlib
        @contextlib.asynccontextmanager
        async def lease():
            await asyncio.sleep(1)
            yield
        async def use():
            async with lease():
                pass
    """)

    async def scenario(m: Any) -> None:
        await asyncio.wait([asyncio.create_task(m.use(), name="client")])

    places = {str(c) for o in explore_tasks(scenario, work, cancel="client") for c in o.cancelled}
    assert places == {"client was cancelled at work.py:5, in lease: await asyncio.sleep(1)"}


def test_a_counterexample_has_no_cancellation_that_it_does_not_need(program: Any) -> None:
    work = program("""
        import asyncio
        async def work(state):
            state.append(1)
            await asyncio.sleep(1)
            await asyncio.sleep(1)
            state.pop()
    """)

    async def scenario(m: Any) -> None:
        state: list[int] = []
        tasks = [asyncio.create_task(m.work(state), name=f"worker {n}") for n in range(3)]
        await asyncio.wait(tasks)
        assert not state

    failure = failure_of(scenario, work, cancel="everywhere", cancel_times=2, reorder=True)
    assert len(failure.cancelled) == 1
    assert failure.note.startswith("worker ")
    assert any(step.source.startswith("cancelled here: await") for step in failure.steps)


# -- kinds of failure ----------------------------------------------------------------------------------------------------


def test_a_deadlock_says_who_waits_where_for_what_held_by_whom() -> None:
    case = next(c for c in CASES if c.name.startswith("asyncio/a07b") and c.buggy)
    *_, last = case.explorations(0)
    assert last.failure is not None
    assert last.failure.kind is Kind.DEADLOCK
    said = [(w.actor, w.what, w.line, w.holder, w.holder_line) for w in last.failure.waits]
    assert said == [
        ("transfer 1", "for a lock", 11, "transfer 2", 9),
        ("transfer 2", "for a lock", 11, "transfer 1", 9),
    ]
    assert "waits for lock B (b.lock) at line 11" in last.failure.message


def test_a_swallowed_cancellation_ends_with_the_name_of_the_task() -> None:
    case = next(c for c in CASES if c.name.startswith("asyncio/a11") and c.buggy)
    *_, last = case.explorations(0, steps=500)
    assert last.failure is not None
    assert "500 steps" in last.failure.message
    assert "_run 1 runs again and again" in last.failure.message
    assert "was cancelled and goes on" in last.failure.message


def test_a_loop_that_never_awaits_is_endless(program: Any) -> None:
    work = program("async def spin():\n    n = 0\n    while True:\n        n += 1\n")
    failure = failure_of(lambda m: m.spin(), work)
    assert failure.kind is Kind.LIVELOCK
    assert failure.message.startswith("no end after 300000 rounds of loops: the loop at line")


def test_a_task_that_is_left_behind_is_a_leak_with_its_line(program: Any) -> None:
    work = program("""
        import asyncio
        async def sweep():
            while True:
                await asyncio.sleep(60)
        async def start():
            return asyncio.create_task(sweep(), name="sweeper")
    """)

    async def scenario(m: Any) -> None:
        await m.start()

    failure = failure_of(scenario, work)
    assert (failure.kind, failure.place) == (Kind.LEAK, ("work.py", 5))
    assert "sweeper" in failure.message
    assert explored(scenario, work, check_leaks=False).failure is None


def test_a_forgotten_await_is_told_before_what_it_leads_to() -> None:
    case = next(c for c in CASES if c.name.startswith("asyncio/a03") and c.buggy)
    *_, last = case.explorations(0)
    assert last.failure is not None
    assert (last.failure.type, last.failure.place) == ("NeverAwaited", ("buggy.py", 12))


def test_coroutines_that_a_cancellation_left_unstarted_are_not_held_against_anybody(program: Any) -> None:
    work = program("""
        import asyncio
        async def one_by_one():
            coroutines = [asyncio.sleep(1) for _ in range(3)]
            for coroutine in coroutines:
                await coroutine
    """)

    async def scenario(m: Any) -> None:
        await asyncio.wait([asyncio.create_task(m.one_by_one(), name="worker")])

    assert explored(scenario, work, cancel="worker").failure is None


def test_a_blocking_call_in_a_task_is_told_with_its_line() -> None:
    case = next(c for c in CASES if "f03" in c.name and c.buggy)
    *_, last = case.explorations(0)
    assert last.failure is not None
    assert (last.failure.type, last.failure.place) == ("BlockingCall", ("buggy.py", 16))
    assert "holds up the event loop for 0.3 s" in last.failure.message


def test_an_exception_that_nobody_asked_for_is_told_with_its_task(program: Any) -> None:
    work = program("""
        import asyncio
        async def fail():
            raise ValueError("three")
        async def start():
            asyncio.create_task(fail(), name="background")
            await asyncio.sleep(1)
    """)
    failure = failure_of(lambda m: m.start(), work)
    assert (failure.kind, failure.type, failure.place) == (Kind.EXCEPTION, "ValueError", ("work.py", 4))
    assert "never retrieved, of background: ValueError: three" in failure.message


def test_an_assertion_in_a_task_group_is_a_race_all_the_same(program: Any) -> None:
    async def scenario(m: Any) -> None:
        async def check() -> None:
            raise AssertionError("two are inside")

        async with asyncio.TaskGroup() as group:
            group.create_task(check())

    failure = failure_of(scenario, program(""))
    assert (failure.kind, failure.message) == (Kind.RACE, "AssertionError: two are inside")


# -- outside control -----------------------------------------------------------------------------------------------------


def test_real_connections_are_outside_control(program: Any) -> None:
    work = program("""
        import asyncio
        async def fetch():
            try:
                await asyncio.open_connection("localhost", 1)
            except BaseException:
                pass
    """)
    failure = failure_of(lambda m: m.fetch(), work)
    assert failure.kind is Kind.OUTSIDE_CONTROL
    assert "create_connection" in failure.message


def test_a_task_that_really_blocks_is_outside_control(program: Any) -> None:
    reading, _ = os.pipe()  # stays open: the thread that reads is lost for good
    failure = failure_of(lambda m: m.read(reading), program("import os\nasync def read(n):\n    os.read(n, 1)\n"))
    assert failure.kind is Kind.OUTSIDE_CONTROL
    assert "line 3: os.read(n, 1)" in failure.message


def test_what_does_not_happen_again_is_outside_control(program: Any) -> None:
    times: list[int] = []

    async def scenario(m: Any) -> None:
        times.append(1)
        assert len(times) > 1

    assert failure_of(scenario, program("")).kind is Kind.OUTSIDE_CONTROL


# -- the engine's manners ------------------------------------------------------------------------------------------------


def test_nothing_stays_replaced(program: Any) -> None:
    def world() -> list[Any]:
        lock = asyncio.Lock
        hooks: list[Any] = [sys.unraisablehook, sys.get_coroutine_origin_tracking_depth(), sys.get_asyncgen_hooks()]
        return [*hooks, time.sleep, time.monotonic, asyncio.new_event_loop, lock.acquire, vars(warnings).copy()]

    before = world()
    failure_of(in_the_order_of_starting, program(FIRST_STARTED), reorder=True)
    assert world() == before


def test_a_schedule_that_is_none_is_refused(program: Any) -> None:
    exploration = explore_tasks(in_the_order_of_starting, program(FIRST_STARTED))
    for text in ("", "?", "0-x", "r0-1", "0x-1.2.3"):
        with pytest.raises(ValueError, match="is no schedule"):
            exploration.replay(text)


def test_evidence_is_the_simplest_schedule_with_the_same_outcome(program: Any) -> None:
    async def scenario(m: Any) -> list[int]:
        log: list[int] = []
        await asyncio.gather(*(m.run(n, log) for n in range(4)))
        return log

    exploration = explore_tasks(scenario, program(FIRST_STARTED), reorder=True)
    outcome = next(o for o in exploration if o.value == [1, 0, 2, 3])
    evidence = exploration.evidence(outcome)
    assert evidence.switches == 1
    assert [step.actor for step in evidence.steps] == ["run 2", "run 1", "run 3", "run 4"]
    assert exploration.replay(evidence.schedule)[0] == [1, 0, 2, 3]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_that_start_eagerly_are_explored(program: Any) -> None:
    work = program("""
        import asyncio
        async def deposit(account):
            seen = account["balance"]
            await asyncio.sleep(0)
            account["balance"] = seen + 1
    """)

    async def scenario(m: Any) -> None:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - not in 3.11
        account = {"balance": 0}
        await asyncio.gather(m.deposit(account), m.deposit(account))
        assert account["balance"] == 2

    assert failure_of(scenario, work).kind is Kind.RACE
