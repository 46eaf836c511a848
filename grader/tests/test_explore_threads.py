"""Inside an exploration threads, locks, queues, futures and time behave as Python's own do, and nothing is left of it outside."""

from __future__ import annotations

import builtins
import concurrent.futures
import functools
import gc
import logging
import queue
import random
import threading
import time
from pathlib import Path

import pytest

from grader.explore import Kind, pause, together
from grader.tests.explored import explored, told, values

# Each is one program; its `main` asserts what holds under every schedule.
HOLDS = {
    "a thread subclass keeps its attributes": """
        class Worker(threading.Thread):
            def __init__(self, n):
                super().__init__(name=f"worker {n}")
                self.n, self.square = n, None

            def run(self):
                assert threading.current_thread() is self
                self.square = self.n ** 2

        def main():
            workers = [Worker(n) for n in (2, 3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            assert [worker.square for worker in workers] == [4, 9]
            assert not any(worker.is_alive() for worker in workers)
        """,
    "what a thread kept for itself is cleaned up at its very end, and may take locks": """
        local, lock, cleaned = threading.local(), threading.Lock(), []

        class Guard:
            def __del__(self):
                with lock:
                    cleaned.append(1)

        def main():
            def work():
                local.guard = Guard()
                for _ in range(2):
                    with lock:
                        cleaned.append(0)

            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert cleaned.count(0) == 6
        """,
    "threads know themselves": """
        def main():
            seen = []

            def look():
                me = threading.current_thread()
                seen.append((me.name, me.ident == threading.get_ident(), me.is_alive(), me in threading.enumerate()))

            threads = [threading.Thread(target=look, daemon=n == 1) for n in range(2)]
            for thread in threads:
                thread.start()
                assert thread.ident is not None
            for thread in threads:
                thread.join()
            assert sorted(seen) == [(f"Thread-{n} (look)", True, True, True) for n in (1, 2)]
            assert [thread.daemon for thread in threads] == [False, True]
            assert threading.current_thread() is threading.main_thread()
            assert threading.active_count() == 1
            assert threading.enumerate() == [threading.main_thread()]
        """,
    "a thread starts once and is joined only after that": """
        def main():
            thread = threading.Thread(target=int)
            raises(RuntimeError, thread.join)
            thread.start()
            raises(RuntimeError, thread.start)
            thread.join()
            raises(RuntimeError, threading.current_thread().join)
        """,
    "daemon threads that wait are dropped at the end": """
        def main():
            jobs = queue.Queue()
            for _ in range(2):
                threading.Thread(target=jobs.get, daemon=True).start()
        """,
    "thread locals are of one thread": """
        local = threading.local()

        def main():
            seen = []

            def work(n):
                local.n = n
                time.sleep(0)
                seen.append(local.n == n)

            run(lambda: work(1), lambda: work(2))
            assert seen == [True, True]
            assert not hasattr(local, "n")
        """,
    "an RLock belongs to its thread": """
        def main():
            lock = threading.RLock()
            with lock, lock:
                run(lambda: raises(RuntimeError, lock.release))
                assert run(lambda: lock.acquire(blocking=False)) == [False]
            assert run(lambda: lock.acquire(blocking=False)) == [True]
        """,
    "a Lock may be released by another thread": """
        def main():
            lock = threading.Lock()
            lock.acquire()
            assert lock.locked()
            run(lock.release, lock.acquire)
            lock.release()
            raises(RuntimeError, lock.release)
        """,
    "semaphores count": """
        def main():
            semaphore, bounded = threading.Semaphore(2), threading.BoundedSemaphore(1)
            inside, most = [], []

            def work():
                with semaphore:
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()

            run(work, work, work)
            assert max(most) <= 2
            with bounded:
                assert not bounded.acquire(blocking=False)
            raises(ValueError, bounded.release)
        """,
    "a barrier lets all go at once, and breaks": """
        def main():
            barrier = threading.Barrier(2)
            assert sorted(run(barrier.wait, barrier.wait)) == [0, 1]
            run(lambda: raises(threading.BrokenBarrierError, lambda: barrier.wait(timeout=3)))
            assert barrier.broken
            barrier.reset()
            assert sorted(run(barrier.wait, barrier.wait)) == [0, 1]
        """,
    "a condition is used by its holder": """
        def main():
            condition = threading.Condition()
            raises(RuntimeError, condition.notify)
            raises(RuntimeError, condition.wait)
            with condition:
                assert condition.wait(timeout=2) is False
                assert condition.wait_for(lambda: 7, timeout=2) == 7
        """,
    "queues keep order, room and counts": """
        def main():
            jobs, last, first, simple = queue.Queue(1), queue.LifoQueue(), queue.PriorityQueue(), queue.SimpleQueue()
            for n in (2, 1, 3):
                last.put(n)
                first.put(n)
            assert [last.get() for _ in range(3)] == [3, 1, 2]
            assert [first.get() for _ in range(3)] == [1, 2, 3]
            raises(queue.Empty, simple.get_nowait)
            raises(ValueError, jobs.task_done)
            handled = []

            def consume():
                while (job := jobs.get()) is not None:
                    handled.append(job)
                    simple.put(job)
                    jobs.task_done()

            def produce():
                jobs.put("a")
                jobs.put("b")
                jobs.join()
                assert handled == ["a", "b"] and simple.qsize() == 2
                jobs.put(None)

            run(consume, produce)
            jobs.put("full")
            raises(queue.Full, lambda: jobs.put_nowait("too much"))
        """,
    "futures tell results, errors and callbacks": """
        def main():
            told = []
            with concurrent.futures.ThreadPoolExecutor(2, initializer=told.append, initargs=("begin",)) as pool:
                good, bad = pool.submit(pow, 2, 5), pool.submit(pow, 0, -1)
                good.add_done_callback(lambda future: told.append(future.result()))
                assert good.result() == 32
                raises(ZeroDivisionError, bad.result)
                assert list(pool.map(len, ["a", "bc"])) == [1, 2]
            assert 32 in told and told.count("begin") in (1, 2)
            raises(RuntimeError, lambda: pool.submit(int))
            assert good.done() and not good.cancel()
        """,
    "a future that nobody began is cancelled": """
        def main():
            gate = threading.Event()
            pool = concurrent.futures.ThreadPoolExecutor(1)
            first, second = pool.submit(gate.wait), pool.submit(int)
            raises(concurrent.futures.TimeoutError, lambda: first.result(timeout=2))
            assert second.cancel()
            gate.set()
            done, _ = concurrent.futures.wait([first, second])
            assert done == {first, second} and second.cancelled()
            pool.shutdown(cancel_futures=True)
        """,
    "an executor that is still in use somewhere ends with the program, too": """
        pool = concurrent.futures.ThreadPoolExecutor(2)

        def main():
            assert pool.submit(int).result() == 0
        """,
    "an executor that nobody shuts down ends with the program": """
        def main():
            assert concurrent.futures.ThreadPoolExecutor(2).submit(int).result() == 0
        """,
    "a timer runs unless it is cancelled": """
        def main():
            rang = []
            timers = [threading.Timer(10, rang.append, [n]) for n in (1, 2)]
            for timer in timers:
                timer.start()
            timers[0].cancel()
            for timer in timers:
                timer.join()
            assert rang == [2]
        """,
    "loggers write from all threads": """
        import io, logging

        def main():
            logger, stream = logging.Logger("work"), io.StringIO()
            handler = logging.StreamHandler(stream)
            handler.setFormatter(logging.Formatter("%(threadName)s %(message)s"))
            logger.addHandler(handler)
            run(lambda: logger.warning("one"), lambda: logger.warning("two"))
            assert sorted(stream.getvalue().split("\\n")) == ["", "thread 1 one", "thread 2 two"]
        """,
    "the root logger works": """
        import logging

        def main():
            logging.getLogger("work.sub").setLevel(logging.INFO)
            run(lambda: logging.getLogger("work.sub").debug("one"), lambda: logging.getLogger("work.other").debug("two"))
        """,
    "a cached property has a value for everybody": """
        class Lazy:
            @functools.cached_property
            def value(self):
                return ["made"]

        def main():
            lazy = Lazy()
            one, other = run(lambda: lazy.value, lambda: lazy.value)
            assert one == other == lazy.value == ["made"]
        """,
    "names imported from modules are under control, too": """
        from threading import Condition, Event, Lock, Thread
        from queue import SimpleQueue
        from time import monotonic, sleep

        def main():
            lock, event, done = Lock(), Event(), SimpleQueue()
            began = monotonic()

            def work():
                with lock:
                    sleep(1000)
                    done.put(1)
                event.set()

            Thread(target=work).start()
            event.wait()
            with lock:
                assert done.get() == 1
            assert 1000 <= monotonic() - began < 1001
        """,
    "locks of modules and classes are new in each schedule": """
        LOCK = threading.Lock()
        SEEN = []

        class Shared:
            lock = threading.RLock()
            count = 0

        def main():
            assert LOCK.acquire(blocking=False)
            Shared.lock.acquire()
            Shared.count += 1
            SEEN.append(1)
            assert Shared.count == len(SEEN) == 1
        """,
    "an own hook for uncaught exceptions is used": """
        def main():
            caught = []
            threading.excepthook = lambda args: caught.append(args.exc_type)
            thread = threading.Thread(target=int, args=("x",))
            thread.start()
            thread.join()
            assert caught == [ValueError]
        """,
    "sys.exit ends one thread only": """
        import sys

        def main():
            thread = threading.Thread(target=sys.exit)
            thread.start()
            thread.join()
        """,
    "ids and sets of objects are in the same order": """
        def main():
            things = [object() for _ in range(9)]
            assert sorted(things, key=id) == things
            assert len({id(thing) for thing in things}) == 9
            threads = [threading.Thread() for _ in range(9)]
            assert list(set(threads)) == threads
        """,
    "all clocks tell the same": """
        def main():
            clocks = [time.time, time.monotonic, time.perf_counter]
            clocks_ns = [time.time_ns, time.monotonic_ns, time.perf_counter_ns]
            before = [clock() for clock in clocks], [clock() for clock in clocks_ns]
            time.sleep(2.5)
            for clock, then in zip(clocks, before[0]):
                assert abs(clock() - then - 2.5) < 1e-5, clock
            for clock, then in zip(clocks_ns, before[1]):
                assert abs(clock() - then - 2_500_000_000) < 10_000, clock
            assert time.monotonic() < time.monotonic()
            raises(ValueError, lambda: time.sleep(-1))
        """,
    "every wait with a timeout takes exactly that long": """
        def main():
            held, event, condition = threading.Lock(), threading.Event(), threading.Condition()
            held.acquire()
            full = queue.Queue(1)
            full.put(1)
            sleeper = threading.Thread(target=time.sleep, args=(10_000,))
            sleeper.start()
            with condition:
                assert took(lambda: condition.wait(5)) is False
            assert took(lambda: held.acquire(timeout=5)) is False
            assert took(lambda: event.wait(5)) is False
            assert took(lambda: threading.Semaphore(0).acquire(timeout=5)) is False
            assert took(lambda: sleeper.join(5)) is None and sleeper.is_alive()
            assert took(lambda: time.sleep(5)) is None
            took(lambda: raises(queue.Empty, lambda: queue.Queue().get(timeout=5)))
            took(lambda: raises(queue.Empty, lambda: queue.SimpleQueue().get(timeout=5)))
            took(lambda: raises(queue.Full, lambda: full.put(2, timeout=5)))
            took(lambda: raises(threading.BrokenBarrierError, lambda: threading.Barrier(2).wait(5)))
            took(lambda: raises(TimeoutError, lambda: concurrent.futures.Future().result(5)))
            took(lambda: raises(TimeoutError, lambda: list(concurrent.futures.as_completed([concurrent.futures.Future()], 5))))
            assert took(lambda: len(concurrent.futures.wait([concurrent.futures.Future()], 5).not_done)) == 1

        def took(call):
            began = time.monotonic()
            answer = call()
            assert abs(time.monotonic() - began - 5) < 1e-5, time.monotonic() - began
            return answer
        """,
    "a wait that is served in time takes no time": """
        def main():
            event, began = threading.Event(), time.monotonic()
            assert run(lambda: event.wait(60), event.set)[0] is True
            assert time.monotonic() - began < 1e-5
        """,
    "sleepers wake in the order of their times": """
        def main():
            order = []
            run(*(lambda n=n: (time.sleep(n), order.append(n)) for n in (3, 1, 2)))
            assert order == [1, 2, 3]
        """,
    "random numbers are the same in each schedule": """
        import random

        NUMBER = random.random()

        def main():
            return NUMBER
        """,
}
BEFORE = """
import concurrent.futures, functools, queue, threading, time
from grader.explore import together as run

def raises(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")
"""


def source(name: str) -> str:
    lines = HOLDS[name].splitlines()
    return BEFORE + "\n".join(line[8:] for line in lines)


@pytest.mark.parametrize("name", HOLDS)
def test_inside(tmp_path: Path, name: str) -> None:
    exploration, outcomes = explored(tmp_path, source(name), schedules=25)
    assert not told(exploration)
    assert len(outcomes) == 1


def test_threads_that_are_no_daemons_are_waited_for(tmp_path: Path) -> None:
    program = """
        import threading, time

        def work(done):
            time.sleep(5)
            done.append("done")

        def main():
            done = []
            threading.Thread(target=work, args=(done,)).start()
            threading.Thread(target=work, args=(done,), daemon=True).start()
            return done
        """
    _, outcomes = explored(tmp_path, program)
    assert ["done"] in values(outcomes)
    assert [] not in values(outcomes)


def test_an_exception_in_any_thread_is_told(tmp_path: Path) -> None:
    program = "import threading\ndef main():\n    threading.Thread(target=int, args=('x',), name='Ada').start()\n"
    exploration, _ = explored(tmp_path, program)
    assert told(exploration) == "exception: ValueError: invalid literal for int() with base 10: 'x' in Ada"
    assert exploration.failure is not None
    assert exploration.failure.type == "ValueError"


def test_the_first_exception_of_together_is_raised_again(tmp_path: Path) -> None:
    program = "from grader.explore import together\ndef main():\n    together(int, lambda: int('x'))\n"
    exploration, _ = explored(tmp_path, program)
    assert told(exploration).startswith("exception: ValueError")


def test_outside_an_exploration_there_is_nothing_to_run_together() -> None:
    pause()
    with pytest.raises(RuntimeError, match="inside an exploration"):
        together(int)


ENDS = {
    "passes": "assert run(int, int) == [0, 0]",
    "fails": "assert False",
    "deadlocks": "lock = threading.Lock(); lock.acquire(); run(lock.acquire, lock.acquire)",
    "leaves daemons": "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "leaves an executor": "concurrent.futures.ThreadPoolExecutor(2).submit(int)",
    "raises in a thread": "threading.Thread(target=int, args=('x',)).start()",
    "starts threads that never run": "[threading.Thread(target=time.sleep, daemon=True).start() for _ in range(3)]",
    "never ends": "run(lambda: [time.sleep(1) for _ in iter(int, 1)])",
}


def world() -> dict[str, object]:
    """Everything that an exploration replaces, as it is now."""
    found: dict[str, object] = {}
    for module in (threading, queue, time, functools, builtins, concurrent.futures.thread, concurrent.futures._base):
        found |= {f"{module.__name__}.{name}": value for name, value in vars(module).items()}
    for kind in (threading.Thread, concurrent.futures.Future, concurrent.futures.ThreadPoolExecutor):
        found |= {f"{kind.__name__}.{name}": value for name, value in vars(kind).items()}
    return found | {"hash": threading.Thread.__hash__, "random": random.getstate(), "gc": gc.isenabled()}


TASKS = Path("/proc/self/task")


def threads_of_this_process() -> int:
    return len(list(TASKS.iterdir())) if TASKS.is_dir() else 0


@pytest.mark.parametrize("how", ENDS)
def test_all_is_as_before_however_a_schedule_ends(tmp_path: Path, how: str) -> None:
    known, disabled = dict(threading._active), logging.getLogger("concurrent.futures").disabled  # type: ignore[attr-defined]
    before = world()
    running = threads_of_this_process()
    exploration, _ = explored(tmp_path, f"{BEFORE}\ndef main():\n    {ENDS[how]}\n", schedules=20, points=500)
    assert exploration.summary.schedules > 0
    after = world()
    assert [name for name in before if after[name] is not before[name] and name != "random"] == []
    assert after.keys() == before.keys()
    assert after["random"] == before["random"]
    assert dict(threading._active) == known  # type: ignore[attr-defined]
    assert logging.getLogger("concurrent.futures").disabled is disabled
    if TASKS.is_dir():
        deadline = time.monotonic() + 10
        while threads_of_this_process() > running and time.monotonic() < deadline:
            time.sleep(0.001)  # their last instructions, which no lock covers
        assert threads_of_this_process() == running


def test_real_blocking_is_no_pass_and_no_accusation(tmp_path: Path) -> None:
    program = "import _thread\ndef main():\n    lock = _thread.allocate_lock()\n    lock.acquire()\n    lock.acquire(True, 5)\n"
    exploration, _ = explored(tmp_path, program)
    assert exploration.failure is not None
    assert exploration.failure.kind is Kind.OUTSIDE_CONTROL
    assert "line 5: lock.acquire(True, 5)" in exploration.failure.message
