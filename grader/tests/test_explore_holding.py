"""Each step of a replayed schedule tells which locks its thread or task holds, and for which one it then had to wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from grader.explore import Failure, Kind, Program
from grader.explore.results import Step
from grader.explore.tasks import explore_tasks
from grader.judge import trace
from grader.tests.explored import explored
from grader.tests.test_explore_causes import source

# Programs of one thread, or of threads that never meet: the last line of what stands before them is line 5.
HELD: dict[str, tuple[str, list[tuple[str, tuple[str, ...]]]]] = {
    "a lock, from the line after its `with` to the end of the block": (
        """
        LOCKS = [threading.Lock()]
        def main():
            with LOCKS[0]:
                LOCKS.copy()
            LOCKS.copy()
        """,
        [
            ("with LOCKS[0]:", ()),
            ("LOCKS.copy()", ("LOCKS[0]",)),
            ("end of: with LOCKS[0]:", ("LOCKS[0]",)),
            ("LOCKS.copy()", ()),
        ],
    ),
    "locks in a container, outermost first": (
        """
        LOCKS = {"b": threading.Lock(), "a": threading.Lock()}
        def main():
            for name in "ba":
                LOCKS[name].acquire()
            LOCKS.copy()
        """,
        [("LOCKS.copy()", ("LOCKS[name] (name='b')", "LOCKS[name] (name='a')"))],
    ),
    "a lock that is taken again and again, once": (
        """
        LOCKS = [threading.RLock()]
        def main():
            with LOCKS[0]:
                LOCKS[0].acquire()
                LOCKS[0].release()
                LOCKS.copy()
            LOCKS.clear()
        """,
        [("LOCKS[0].release()", ("LOCKS[0]",)), ("LOCKS.copy()", ("LOCKS[0]",)), ("LOCKS.clear()", ())],
    ),
    "a lock that another function gives back": (
        """
        LOCKS = [threading.Lock()]
        def take():
            LOCKS[0].acquire()
        def give():
            LOCKS[0].release()
        def main():
            take()
            LOCKS.copy()
            give()
            LOCKS.clear()
        """,
        [("LOCKS.copy()", ("LOCKS[0]",)), ("LOCKS.clear()", ())],
    ),
    "a lock that an exit stack gives back": (
        """
        import contextlib
        LOCKS = [threading.Lock()]
        def main():
            with contextlib.ExitStack() as stack:
                stack.enter_context(LOCKS[0])
                LOCKS.copy()
            LOCKS.clear()
        """,
        [("LOCKS.copy()", ("LOCKS[0]",)), ("LOCKS.clear()", ())],
    ),
    "a lock of a local variable, whose line has no switch point": (
        """
        LOCKS = [threading.Lock()]
        def main():
            mine = LOCKS[0]
            with mine:
                LOCKS.copy()
        """,
        [("LOCKS.copy()", ("LOCKS[0]",))],
    ),
    "nothing inside events, queues, semaphores and futures": (
        """
        THINGS = [threading.Event(), queue.Queue(), threading.Semaphore(), concurrent.futures.Future()]
        def main():
            THINGS[0].set()
            THINGS[1].put(1)
            THINGS[2].acquire()
            THINGS[3].set_result(1)
            THINGS.copy()
        """,
        [("THINGS[1].put(1)", ()), ("THINGS[3].set_result(1)", ()), ("THINGS.copy()", ())],
    ),
}
CONDITION = """
        class Buffer:
            def __init__(self):
                self.items, self.filled, self.guard = [], threading.Condition(), threading.Lock()

            def get(self):
                with self.filled:
                    while not self.items:
                        self.filled.wait()
                    return self.items.pop()

            def put(self, item):
                with self.filled:
                    with self.guard:
                        self.items.append(item)
                    self.filled.notify()

        def main():
            buffer = Buffer()
            got, _ = together(buffer.get, lambda: buffer.put(3), names=("Ada", "Bob"))
            return got
        """
RING = """
        def work(first, second):
            with first:
                with second:
                    pass

        def main():
            together(lambda: work(lock, other), lambda: work(other, lock), names=("Ada", "Bob"))
        """
TASKS = """
import asyncio

class Box:
    def __init__(self):
        self.lock, self.filled, self.places, self.items = asyncio.Lock(), asyncio.Condition(), asyncio.Semaphore(2), []

    async def get(self):
        async with self.filled:
            while not self.items:
                await self.filled.wait()
            return self.items.pop()

    async def put(self, item):
        await self.places.acquire()
        async with self.lock:
            await asyncio.sleep(0)
            async with self.filled:
                self.items.append(item)
                self.filled.notify()
        self.places.release()
        self.items.copy()

async def main():
    box = Box()
    await asyncio.gather(box.get(), box.get(), box.put(1), box.put(2))
    return box.items
"""


def steps_of(folder: Path, program: str) -> Sequence[Step]:
    """Of the first schedule of a program that does not fail."""
    exploration, outcomes = explored(folder, source(program), schedules=1)
    assert exploration.failure is None, exploration.failure
    return exploration.evidence(outcomes[0]).steps


def held(steps: Sequence[Step], actor: str = "main") -> list[tuple[str, tuple[str, ...]]]:
    return [(step.source, step.holds) for step in steps if step.actor == actor]


@pytest.mark.parametrize("name", HELD)
def test_a_step_tells_the_locks_that_are_held_before_its_line(tmp_path: Path, name: str) -> None:
    program, expected = HELD[name]
    steps = held(steps_of(tmp_path, program))
    assert [step for step in steps if step[0] in dict(expected)] == expected


def test_who_waits_for_a_condition_has_given_its_lock_up(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, CONDITION)
    ada = held(steps, "Ada")
    assert ("self.filled.wait()", ("self.filled",)) in ada
    assert ada[-2] == ("return self.items.pop()", ("self.filled",))  # it has it again, by the same name
    assert ("self.items.append(item)", ("self.filled", "self.guard")) in held(steps, "Bob")


def test_who_waits_for_a_lock_says_so_at_its_last_step(tmp_path: Path) -> None:
    program = """
        from grader.explore import waited

        class Counter:
            def __init__(self):
                self.lock, self.value = threading.Lock(), 0

            def add(self):
                with self.lock:
                    old = self.value
                    self.value = old + 1

        def main():
            counter = Counter()
            together(counter.add, counter.add, names=("Ada", "Bob"))
            return waited()
        """
    exploration, outcomes = explored(tmp_path, source(program), schedules=60)
    contended = next(outcome for outcome in outcomes if outcome.value)
    steps = exploration.evidence(contended).steps
    (waiting,) = [step for step in steps if step.waits]
    assert (waiting.actor, waiting.source, waiting.waits, waiting.holds) == (
        contended.value[0], "with self.lock:", "self.lock", ()
    )  # fmt: skip


def deadlock(folder: Path, program: str) -> Failure:
    exploration, _ = explored(folder, source(program))
    assert exploration.failure is not None
    assert exploration.failure.kind is Kind.DEADLOCK
    return exploration.failure


def test_the_steps_of_a_deadlock_show_its_locks_by_the_names_of_its_waits(tmp_path: Path) -> None:
    failure = deadlock(tmp_path, RING)
    last = {step.actor: step for step in failure.steps}
    for wait in failure.waits:
        if wait.label:
            step = last[wait.actor]
            assert (step.line, step.waits, step.holds) == (wait.line, wait.label, (wait.holder_label,))
    assert {"Ada", "Bob"} <= {step.actor for step in failure.steps if step.waits}


def test_a_lock_that_its_holder_wants_again_is_held_and_waited_for(tmp_path: Path) -> None:
    failure = deadlock(
        tmp_path,
        """
        LOCKS = [threading.Lock()]
        def main():
            with LOCKS[0]:
                LOCKS[0].acquire()
        """,
    )
    assert (failure.steps[-1].holds, failure.steps[-1].waits) == (("LOCKS[0]",), "LOCKS[0]")


async def run(module: Any) -> Any:
    return await module.main()


def test_tasks_tell_their_locks_too(tmp_path: Path) -> None:
    path = tmp_path / "work.py"
    path.write_text(TASKS, encoding="utf-8")
    exploration = explore_tasks(run, Program([path]), schedules=1)
    outcome = next(iter(exploration))
    steps = exploration.evidence(outcome).steps
    assert exploration.failure is None
    filling = held([step for step in steps if step.source == "self.items.append(item)"], "put 1")
    assert filling == [("self.items.append(item)", ("self.places", "self.lock", "self.filled"))]
    assert ("self.items.copy()", ()) in held(steps, "put 1")
    assert ("return self.items.pop()", ("self.filled",)) in held(steps, "get 1")
    assert [(step.actor, step.source, step.waits) for step in steps if step.waits] == [
        ("put 2", "async with self.lock:", "self.lock")
    ]


def test_a_replay_tells_the_program_the_same_numbers_of_its_objects(tmp_path: Path) -> None:
    program = """
        def main():
            with other:
                pass
            first = min((lock, other), key=id)
            assert first is not lock
        """
    exploration, _ = explored(tmp_path, source(program))
    assert exploration.failure is not None
    assert exploration.failure.kind is Kind.RACE  # and not "the same schedule did not do it again"


@pytest.mark.parametrize(
    ("holds", "waits", "kept"),
    [
        (["a", "b"], "c", {"holds": ["a", "b"], "waits": "c"}),
        ([], "", {}),
        (["a", 3, None, ["b"]], 3, {"holds": ["a"]}),
        ("abc", ["c"], {}),
        ({"a": 1}, {"c": 1}, {}),
        (["x" * 300] * 300, "y" * 300, {"holds": ["x" * 200] * trace.MOST_LOCKS, "waits": "y" * 200}),
    ],
)
def test_only_labels_reach_the_report(holds: object, waits: object, kept: dict[str, object]) -> None:
    (step,) = trace.steps_of({"steps": [{"holds": holds, "waits": waits}]})
    assert {name: step[name] for name in ("holds", "waits") if name in step} == kept
