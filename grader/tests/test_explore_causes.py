"""What is said of a failure: who waits for whom and why, which locks were held, which lines ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.explore import Kind
from grader.explore.recording import MOST_STEPS, expression
from grader.tests.explored import explored, told

BEFORE = """
import concurrent.futures, queue, threading, time
from grader.explore import together

lock, other = threading.Lock(), threading.Lock()
"""
# A program, and what is said of it. The last line of BEFORE is line 5.
DEADLOCKS = {
    "a ring of two": (
        """
        def work(first, second):
            with first:
                with second:
                    pass

        def main():
            together(lambda: work(lock, other), lambda: work(other, lock), names=("Ada", "Bob"))
        """,
        "Ada holds lock A (first) since line 8 and waits for lock B (second) at line 9; "
        "Bob holds lock B (first) since line 8 and waits for lock A (second) at line 9.",
    ),
    "locks of one name": (
        """
        def take(*locks):
            for each in locks:
                each.acquire()
            for each in locks:
                each.release()

        def main():
            together(lambda: take(lock, other), lambda: take(other, lock), names=("Ada", "Bob"))
        """,
        "Ada holds lock A (each) since line 9 and waits for lock B (each) at line 9; "
        "Bob holds lock B (each) since line 9 and waits for lock A (each) at line 9.",
    ),
    "locks that a local variable stands for": (
        """
        LOCKS = {"tea": lock, "milk": other}

        def take(*names):
            for name in names:
                lock = LOCKS[name]
                lock.acquire()
            for name in names:
                LOCKS[name].release()

        def main():
            together(lambda: take("tea", "milk"), lambda: take("milk", "tea"), names=("Ada", "Bob"))
        """,
        "Ada holds LOCKS[name] (name='tea') since line 12 and waits for LOCKS[name] (name='milk') at line 12; "
        "Bob holds LOCKS[name] (name='milk') since line 12 and waits for LOCKS[name] (name='tea') at line 12.",
    ),
    "a lock that its holder wants again": (
        """
        def main():
            with lock:
                lock.acquire()
        """,
        "main holds lock since line 8 and asks for it again at line 9: "
        "a Lock cannot be taken twice, not even by the thread that holds it.",
    ),
    "a lock that a function did not give back": (
        """
        def take():
            lock.acquire()

        def main():
            take()
            with lock:
                pass
        """,
        "main took lock at line 8 in a function that ended without releasing it, and asks for it again at line 12.",
    ),
    "a lock held by a context manager whose block runs": (
        """
        import contextlib

        @contextlib.contextmanager
        def holding():
            lock.acquire()
            yield
            lock.release()

        def main():
            with holding():
                lock.acquire()
        """,
        "main holds lock since line 11 and asks for it again at line 17: "
        "a Lock cannot be taken twice, not even by the thread that holds it.",
    ),
    "a lock whose holder has ended": (
        """
        def main():
            together(lock.acquire, names=("Ada",))
            take()

        def take():
            with lock:
                pass
        """,
        "main waits for lock at line 12; Ada took it and ended without releasing it.",
    ),
    "jobs that wait for jobs of their own pool": (
        """
        def main():
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                def job():
                    return pool.submit(int).result()
                pool.submit(job)
                pool.submit(job)
        """,
        "Every worker of the pool waits for a result (line 10) of a job that itself needs a worker: "
        "no worker is left to run it.",
    ),
    "a result that nobody makes, beside an idle pool": (
        """
        def main():
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                pool.submit(int).result()
                concurrent.futures.Future().result()
        """,
        "main waits for the result of a future at line 10; ThreadPoolExecutor-0_0 waits for an item in a queue",
    ),
    "results that nobody makes, without a pool": (
        """
        def main():
            one, other = concurrent.futures.Future(), concurrent.futures.Future()
            together(lambda: one.result(), lambda: other.result(), names=("Ada", "Bob"))
        """,
        "Ada and Bob wait for the result of a future (line 9), and nobody is left who gives it one.",
    ),
    "a condition that nobody notifies": (
        """
        def main():
            condition = threading.Condition()
            with condition:
                condition.wait()
        """,
        "main waits to be notified at line 10, and nobody is left to do it: "
        "the signal came before the wait, went to another waiter, or was never sent.",
    ),
    "an event that nobody sets": (
        """
        def main():
            threading.Event().wait()
        """,
        "main waits for an event to be set at line 8, and nobody is left to do it: "
        "the signal came before the wait, went to another waiter, or was never sent.",
    ),
    "a queue that nobody fills": (
        """
        def main():
            queue.Queue().get()
        """,
        "main waits for an item in a queue at line 8, and nobody is left who puts one.",
    ),
    "two queues that nobody fills": (
        """
        def main():
            jobs = queue.SimpleQueue()
            def consume():
                jobs.get()
            together(consume, consume, names=("Ada", "Bob"))
        """,
        "Ada and Bob wait for an item in a queue at line 10, and nobody is left who puts one.",
    ),
    "an item that is never done": (
        """
        def main():
            jobs = queue.Queue()
            jobs.put(1)
            jobs.join()
        """,
        "main waits in join() at line 10 until task_done() was called for every item, "
        "and some item was taken from the queue without it.",
    ),
    "a full queue": (
        """
        def main():
            jobs = queue.Queue(1)
            jobs.put(1)
            jobs.put(2)
        """,
        "main waits for room in a queue at line 10",
    ),
    "no permits": (
        """
        def main():
            permits = threading.Semaphore(0)
            permits.acquire()
        """,
        "main waits for a semaphore at line 9",
    ),
    "a barrier with too few": (
        """
        def main():
            threading.Barrier(2).wait()
        """,
        "main waits at a barrier at line 8: 1 of 2 have come.",
    ),
    "a barrier to which one never comes": (
        """
        def main():
            barrier = threading.Barrier(3)
            together(lambda: barrier.wait(), lambda: None, lambda: barrier.wait(), names=("Ada", "Bob", "Cid"))
        """,
        "Ada and Cid wait at a barrier at line 9: 2 of 3 have come, and Bob has ended.",
    ),
    "threads that join each other": (
        """
        def main():
            threads = []
            def work(n):
                time.sleep(1)
                threads[1 - n].join()
            threads += [threading.Thread(target=work, args=(n,), name=name) for n, name in enumerate(("Ada", "Bob"))]
            for thread in threads:
                thread.start()
            time.sleep(10)
        """,
        "Ada waits for a thread to end at line 11 (Bob); Bob waits for a thread to end at line 11 (Ada)",
    ),
}


def source(program: str) -> str:
    return BEFORE + "\n".join(line[8:] for line in program.splitlines())


@pytest.mark.parametrize("name", DEADLOCKS)
def test_the_cause_of_a_deadlock_is_told(tmp_path: Path, name: str) -> None:
    program, said = DEADLOCKS[name]
    exploration, _ = explored(tmp_path, source(program))
    assert exploration.failure is not None
    assert exploration.failure.kind is Kind.DEADLOCK
    assert exploration.failure.message == said


RACE = """
        class Counter:
            def __init__(self):
                self.value = 0

            def add(self):
                {add}

            def add_too(self):
                {too}

        def main():
            counter = Counter()
            together(counter.add, counter.add_too, names=("Ada", "Bob"))
            assert counter.value == 2
        """
PLAIN = "self.value += 1"
LOCKED = "with lock: self.value += 1"
OWN_EVENT = "old = self.value; threading.Event().set(); self.value = old + 1"


@pytest.mark.parametrize(
    ("add", "too", "note"),
    [
        (PLAIN, PLAIN, "No lock was held."),
        (LOCKED, PLAIN, "Bob held no lock."),
        (
            LOCKED,
            LOCKED.replace("lock", "other"),
            "They held different locks, which do not exclude each other (Ada at line 12; Bob at line 15).",
        ),
        (OWN_EVENT, OWN_EVENT, ""),  # their locks are not the program's
        ("with lock: old = self.value\n                with lock: self.value = old + 1", LOCKED, ""),
    ],
)
def test_what_the_locks_say_about_a_race_is_told(tmp_path: Path, add: str, too: str, note: str) -> None:
    exploration, _ = explored(tmp_path, source(RACE.format(add=add, too=too)), schedules=200)
    assert exploration.failure is not None
    assert (exploration.failure.kind, exploration.failure.note) == (Kind.RACE, note)


def test_the_steps_show_lines_and_variables_as_they_were(tmp_path: Path) -> None:
    exploration, _ = explored(tmp_path, source(RACE.format(add=PLAIN, too=PLAIN)), schedules=200)
    assert exploration.failure is not None
    steps = [step for step in exploration.failure.steps if step.source == PLAIN]
    first, second, third = (step.actor for step in steps)
    assert first == third != second
    assert [step.state["self.value"] for step in steps] == ["0", "0", "1"]
    assert {step.function for step in steps} == {"add", "add_too"}
    assert exploration.failure.switches == 1


def test_the_last_steps_of_a_long_schedule_are_kept(tmp_path: Path) -> None:
    program = """
        def main():
            counts = {}
            for n in range(2000):
                counts[n] = n
                counts[n] += 1
            last = counts[1999]
            raise ValueError(last)
        """
    exploration, _ = explored(tmp_path, source(program))
    assert told(exploration) == "exception: ValueError: 2000"
    assert exploration.failure is not None
    assert len(exploration.failure.steps) == MOST_STEPS
    assert exploration.failure.steps[-1].source == "raise ValueError(last)"
    assert exploration.failure.place == ("work.py", 13)


@pytest.mark.parametrize(
    ("line", "lock"),
    [
        ("with self.lock:", "self.lock"),
        ("with self.first, self.second:", "one of self.first, self.second"),
        ("if not self.lock.acquire(timeout=1):", "self.lock"),
        ("locks[name].acquire()", "locks[name]"),
        ("self.jobs.get()", ""),
        ("else:", ""),
    ],
)
def test_the_lock_is_named_as_the_line_names_it(line: str, lock: str) -> None:
    assert expression(line) == lock
