"""Checks of phase_barrier."""

from __future__ import annotations

import contextlib
import functools
import random
import threading
import time
from typing import Any

from grader.explore import quiet, together
from grader.judge import Explore, Rendezvous, Rendezvouses, Submission, expect, kind, scenario

EXERCISE = "phase_barrier"
OLD_AND_NEW = (
    "A row is computed from the state before the step. Who may still want the old row when the new one is there?"
)
KEEP_STEP = "Who may begin the next step, and how does a thread learn that all others have finished this one?"
NOBODY_LEFT = "A thread that goes away never comes to the barrier. Who tells the others, and what do they do then?"


def smooth(above: list[float], row: list[float], below: list[float]) -> list[float]:
    return [a * 0.3 + 0.5 * b + c * 0.7 + 0.1 for a, b, c in zip(above, row, below, strict=True)]


def stepped(grid: list[list[float]]) -> list[list[float]]:
    """The state one step later."""
    last = len(grid) - 1
    return [smooth(grid[max(n - 1, 0)], row, grid[min(n + 1, last)]) for n, row in enumerate(grid)]


def change_of(old: list[list[float]], new: list[list[float]]) -> float:
    return max(abs(b - a) for before, after in zip(old, new, strict=True) for a, b in zip(before, after, strict=True))


def grid_of(rng: random.Random, rows: int, cells: int = 3) -> list[list[float]]:
    return [[rng.uniform(-9, 9) for _ in range(cells)] for _ in range(rows)]


def expect_grid(result: Any, due: list[list[float]], story: str, idea: str = OLD_AND_NEW) -> None:
    expect(
        isinstance(result, list) and all(isinstance(row, list) for row in result),
        f"{story}: the result is {'a list of other things than lists' if isinstance(result, list) else type(result).__name__}.",
        idea="The result is a list of rows, and each row is a list.",
    )
    expect(
        len(result) == len(due),
        f"{story}: the result has {len(result)} rows.",
        idea="Each row of the input has its row in the result.",
    )
    wrong = [n for n, (row, wanted) in enumerate(zip(result, due, strict=True)) if row != wanted]
    expect(
        not wrong,
        f"{story}: the result differs in row {', '.join(map(str, wrong[:5]))} of 0 to {len(due) - 1}.",
        idea=idea,
    )


class Counted:
    """`smooth`, and how often it was called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0

    def __call__(self, above: list[float], row: list[float], below: list[float]) -> list[float]:
        with self._lock:
            self.calls += 1
        return smooth(above, row, below)


# -- results -------------------------------------------------------------------------------------------


@kind("correctness")
def test_the_result_is_that_of_one_thread(submission: Submission, rng: random.Random) -> None:
    """The result is that of one thread, bit for bit, for any number of rows and workers"""
    for rows, workers in ((1, 1), (2, 1), (3, 3), (5, 2), (7, 4), (8, 3), (9, 7)):
        grid = grid_of(rng, rows)
        story = f"{rows} rows, {workers} {'workers' if workers > 1 else 'worker'}"
        after_one = stepped(grid)
        kernel = Counted()
        result = submission.simulate(grid, 1, workers=workers, kernel=kernel)
        expect_grid(
            result,
            after_one,
            f"{story}, one step",
            idea="Which rows does each band have, and who is the neighbour of a row at the edge?",
        )
        result = submission.simulate(grid, 3, workers=workers, kernel=kernel)
        expect_grid(result, stepped(stepped(after_one)), f"{story}, three steps")
        expect(
            kernel.calls == 4 * rows,
            f"{story}: kernel was called {kernel.calls} times for four steps; {4 * rows} was due.",
            idea="Each row of each step belongs to one band. What happens where two bands meet, and after the last step?",
        )


@kind("correctness")
def test_there_may_be_more_workers_than_rows(submission: Submission, rng: random.Random) -> None:
    """There may be more workers than rows"""
    for rows, workers in ((1, 2), (2, 7)):
        grid = grid_of(rng, rows)
        result = submission.simulate(grid, 2, workers=workers, kernel=smooth)
        expect_grid(
            result,
            stepped(stepped(grid)),
            f"{rows} rows, {workers} workers",
            idea="What does a worker do whose band is empty, and for how many does the barrier wait?",
        )


@scenario
def copies(student: Any, steps: int) -> list[Any]:
    """What was called, the result, the input afterwards, and which of its rows the result shares."""
    rows: Any = [[1.0, 2.0], (3.0, 4.0), [5.0, 6.0]]
    called: list[str] = []

    def kernel(above: Any, row: Any, below: Any) -> list[float]:
        called.append("kernel")
        return [cell + 1 for cell in row]

    def on_step(step: int, change: float) -> None:
        called.append("on_step")

    result = student.simulate(rows, steps, workers=2, kernel=kernel, on_step=on_step)
    shared = [n for n, row in enumerate(rows) if isinstance(result, list) and any(row is new for new in result)]
    return [called, result, [list(row) for row in rows], shared, result is rows]


@kind("correctness")
def test_the_input_stays_as_it_is(submission: Submission) -> None:
    """No steps give a copy; the input is not touched and shares nothing with the result"""
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    for steps in (2, 0):
        called, result, after, shared, same = submission.run(copies, steps)
        not_new = "the input itself" if same else f"not new: row {shared[0]} is that of the input" if shared else ""
        expect(
            not not_new,
            f"steps={steps}: the result is {not_new}.",
            idea="Whoever changes the result must not change the input. What does `list(grid)` copy, and what not?",
        )
        due = [[cell + steps for cell in row] for row in rows]
        expect_grid(result, due, f"A grid with a tuple as a row, {steps} steps")
        expect(
            after == rows, f"After simulate the input is {after}; it was {rows}.", idea="Whose rows do you write into?"
        )
        expect(steps or not called, f"steps=0, and {called[:1]} was called.", idea="No step, no call.")


def noted(told: list[tuple[int, float]], step: int, change: float) -> None:
    told.append((step, change))


@kind("correctness")
def test_on_step_is_told_the_largest_change(submission: Submission, rng: random.Random) -> None:
    """on_step is told each step, counted from 0, and the largest change of any cell, without its sign"""
    for rows, workers, peak in ((6, 3, -1000.0), (1, 1, 1000.0), (5, 2, 1000.0), (6, 4, -1000.0)):
        grid = grid_of(rng, rows)
        # The largest change is a rise or a fall, and lies in some band.
        grid[rng.randrange(rows)][rng.randrange(3)] = peak
        told: list[tuple[int, float]] = []
        submission.simulate(grid, 3, workers=workers, kernel=smooth, on_step=functools.partial(noted, told))
        due, state = [], grid
        for step in range(3):
            due.append((step, change_of(state, state := stepped(state))))
        expect(
            [step for step, _ in told] == [0, 1, 2],
            f"Three steps: on_step was told the steps {', '.join(str(step) for step, _ in told) or 'none'}; 0, 1, 2 was due.",
            idea="Who calls on_step, and how often does that happen in one step? It is called by one thread, once.",
        )
        wrong = [step for step, (a, b) in enumerate(zip(told, due, strict=True)) if a[1] != b[1]]
        at = wrong[0] if wrong else 0
        expect(
            not wrong,
            f"{rows} rows, {workers} workers: on_step({at}, max_change) was told {told[at][1]!r}; {due[at][1]!r} was due.",
            idea="The largest of all cells of all bands, old against new, without its sign.",
        )


@kind("correctness")
def test_on_step_can_stop_the_simulation(submission: Submission, rng: random.Random) -> None:
    """When on_step returns True, that step was the last one"""
    grid = grid_of(rng, 4)
    told: list[int] = []

    def stop_after_two(step: int, change: float) -> bool:
        told.append(step)
        return step >= 1

    result = submission.simulate(grid, 6, workers=2, kernel=smooth, on_step=stop_after_two)
    expect(
        told == [0, 1],
        f"on_step(1, ...) returned True; it was called for the steps {', '.join(map(str, told))}.",
        idea="True says: this step was the last one. Who looks at that answer, and when?",
    )
    expect_grid(
        result,
        stepped(stepped(grid)),
        "on_step stopped the simulation after the second step",
        idea="The result is the state after the step that was the last one.",
    )


@scenario
def refused(student: Any) -> list[str]:
    seen = []
    for workers, steps in ((0, 1), (-1, 1), (2, -1)):
        try:
            student.simulate([[1.0]], steps, workers=workers, kernel=lambda above, row, below: row)
        except ValueError:
            seen.append("ValueError")
        except NotImplementedError:
            raise
        except Exception as error:
            seen.append(type(error).__name__)
        else:
            seen.append("no error")
    return seen


@kind("failure")
def test_no_workers_and_negative_steps_are_refused(submission: Submission) -> None:
    """workers below 1 and steps below 0 are ValueErrors"""
    seen = submission.run(refused)
    expect(
        seen == ["ValueError"] * 3,
        f"workers=0: {seen[0]}; workers=-1: {seen[1]}; steps=-1: {seen[2]}. ValueError was due.",
        idea="Look at the arguments before anything is started.",
    )


# -- threads -------------------------------------------------------------------------------------------


def met_in(meeting: Rendezvous, above: list[float], row: list[float], below: list[float]) -> list[float]:
    meeting.enter()
    return row


@kind("bounds")
def test_all_workers_compute_at_the_same_time(submission: Submission, rendezvous: Rendezvouses) -> None:
    """All workers are inside the kernel at the same time"""
    for workers, rows in ((3, 6), (4, 4), (5, 3)):
        meeting = rendezvous(min(workers, rows))
        kernel = functools.partial(met_in, meeting)
        submission.simulate([[float(n)] for n in range(rows)], 1, workers=workers, kernel=kernel)
        inside = f"{meeting.most} kernel calls were" if meeting.most > 1 else "1 kernel call was"
        expect(
            meeting.met,
            f"{rows} rows, {workers} workers: at most {inside} inside at the same time; {min(workers, rows)} was due.",
            idea="Which thread computes which rows, and what does a thread wait for before it begins its own?",
        )


@scenario
def who_computes(student: Any, workers: int) -> list[int]:
    """How many threads called the kernel in the first step, and how many in all six. Every call takes its time."""
    threads: set[threading.Thread] = set()
    first: list[int] = []

    def kernel(above: Any, row: Any, below: Any) -> Any:
        threads.add(threading.current_thread())
        time.sleep(1)
        return row

    def on_step(step: int, change: float) -> None:
        first.append(len(threads))

    student.simulate([[float(n)] for n in range(6)], 6, workers=workers, kernel=kernel, on_step=on_step)
    return [first[0] if first else 0, len(threads)]


@kind("bounds")
def test_threads_are_started_once(explore: Explore) -> None:
    """At most `workers` threads compute, and not new ones for every step"""
    for workers in (3, 1):
        for at_first, in_all in explore(who_computes, workers, schedules=10):
            expect(
                at_first <= workers,
                f"6 rows, workers={workers}: {at_first} threads called the kernel in the first step.",
                idea="Every thread has a band of rows; there are as many bands as workers.",
            )
            expect(
                in_all <= workers,
                f"6 rows, 6 steps, workers={workers}: {in_all} threads called the kernel in all.",
                idea="A thread costs more than a small step. The same threads can do all steps, if they have a place to meet.",
            )


@scenario
def one_slow_row(student: Any) -> list[Any]:
    """Seconds for which one row took its time while all others were finished, and the steps of other threads meanwhile."""
    seconds, taken = 0.0, 0

    def kernel(above: Any, row: Any, below: Any) -> Any:
        nonlocal seconds, taken
        if row == [0.0]:
            seconds, taken = quiet()
        return row

    student.simulate([[0.0], [1.0], [2.0]], 1, workers=3, kernel=kernel)
    return [seconds, taken]


@kind("bounds")
def test_who_waits_takes_no_steps(explore: Explore) -> None:
    """Threads that wait for the slowest row do nothing at all, for hours"""
    for seconds, taken in explore(one_slow_row, schedules=5):
        expect(
            taken <= 6,
            f"One row took long, and the threads of the others waited: in {seconds:g} s they took {taken} steps.",
            idea="Whoever waits should sleep until somebody wakes it. Who knows that the last row is finished?",
        )


# -- keeping step --------------------------------------------------------------------------------------


@scenario
def read_rows(student: Any, workers: int, rows: int, steps: int) -> list[Any]:
    """The first kernel call that got rows of different steps, and the steps that the rows of the result have seen."""
    torn: list[Any] = []

    def kernel(above: Any, row: Any, below: Any) -> list[float]:
        step, number = row
        if not above[0] == step == below[0]:
            torn.append([number, above[0], step, below[0]])
        return [step + 1, number]

    result = student.simulate([[0, n] for n in range(rows)], steps, workers=workers, kernel=kernel)
    return [torn[:1], [row[0] for row in result]]


@kind("schedules")
def test_every_row_is_computed_from_one_step(explore: Explore) -> None:
    """Every row is computed from rows of the same step"""
    for workers, rows, steps in ((2, 4, 2), (3, 3, 3)):
        for torn, seen in explore(read_rows, workers, rows, steps, schedules=150):
            if torn:
                number, above, own, below = torn[0]
                expect(
                    False,
                    f"kernel for row {number} got this row after {own} steps, its neighbour above after {above}, "
                    f"its neighbour below after {below}.",
                    idea=f"{KEEP_STEP} {OLD_AND_NEW}",
                )
            expect(
                seen == [steps] * rows,
                f"{steps} steps, {workers} workers: the rows of the result have gone through {', '.join(map(str, seen))} steps.",
                idea="Old and new are exchanged once a step, for all. Who does it, and what do the others do meanwhile?",
            )


@scenario
def steps_and_kernels(student: Any) -> list[Any]:
    """Rows finished at each on_step, calls of on_step inside another, and rows begun before on_step had returned.

    Row n takes n tenths of a second, and on_step takes one: whoever does not wait for it comes to light in any schedule.
    """
    rows, told, finished = 3, [], []
    early: list[int] = []
    inside: list[int] = []
    over: list[int] = []

    def kernel(above: Any, row: Any, below: Any) -> list[float]:
        step, number = row
        if step > len(over):
            early.append(step)
        time.sleep(0.1 * number)
        finished.append(number)
        return [step + 1, number]

    def on_step(step: int, change: float) -> None:
        told.append([step, len(finished), len(inside)])
        inside.append(step)
        time.sleep(0.1)
        inside.remove(step)
        over.append(step)

    student.simulate([[0, n] for n in range(rows)], 2, workers=3, kernel=kernel, on_step=on_step)
    return [told, early]


@kind("schedules")
def test_on_step_comes_between_two_steps(explore: Explore) -> None:
    """on_step comes when all rows are finished, and no row is begun before it has returned"""
    for told, early in explore(steps_and_kernels, schedules=80):
        for step, finished, inside in told:
            expect(
                finished == 3 * (step + 1),
                f"on_step({step}, ...) was called when {finished - 3 * step} of 3 rows of this step were finished.",
                idea=KEEP_STEP,
            )
            expect(
                not inside,
                f"on_step({step}, ...) was called while another call of on_step was going on.",
                idea="One of all threads calls on_step. Which one?",
            )
        expect(
            [step for step, _, _ in told] == [0, 1],
            f"Two steps: on_step was called for the steps {', '.join(str(step) for step, _, _ in told) or 'none'}.",
            idea="One of all threads calls on_step, once for each step. Which one?",
        )
        expect(
            not early,
            f"A row of step {early[0] if early else 0} was begun before on_step({early[0] - 1 if early else 0}, ...) had returned.",
            idea="What do the other threads wait for while one of them calls on_step? A barrier's action runs before anybody goes on.",
        )


@scenario
def stop_early(student: Any) -> list[Any]:
    told: list[int] = []
    begun: list[float] = []

    def kernel(above: Any, row: Any, below: Any) -> list[float]:
        begun.append(row[0])
        return [row[0] + 1]

    def on_step(step: int, change: float) -> bool:
        told.append(step)
        return True

    result = student.simulate([[0], [0]], 3, workers=2, kernel=kernel, on_step=on_step)
    return [told, begun.count(1), [row[0] for row in result]]


@kind("schedules")
def test_stopping_early_stops_everybody(explore: Explore) -> None:
    """Stopping early lets nobody begin another step or wait for ever"""
    for told, more, result in explore(stop_early, schedules=150):
        expect(
            not more and told == [0],
            f"on_step(0, ...) returned True; after that {more} rows were computed, and on_step was called for the steps {told}.",
            idea="All threads must come to the same answer. When may the flag change, and when does each of them look at it?",
        )
        expect(
            result == [1, 1],
            f"Stopped after one step, the rows of the result have gone through {result} steps.",
            idea=OLD_AND_NEW,
        )


@scenario
def changes_at_once(student: Any) -> list[float]:
    """What on_step is told when one row changes by 5 and the other by 1."""
    told: list[float] = []

    def kernel(above: Any, row: Any, below: Any) -> list[float]:
        return [row[0] + row[1], row[1]]

    student.simulate([[0, 5], [0, 1]], 2, workers=2, kernel=kernel, on_step=lambda step, change: told.append(change))
    return told


@kind("schedules")
def test_no_change_is_forgotten(explore: Explore) -> None:
    """Two threads note their changes at the same time: on_step is told the largest one"""
    for told in explore(changes_at_once, schedules=250):
        expect(
            told == [5, 5],
            f"In each of two steps one row changed by 5, another by 1, in two threads; on_step was told {', '.join(map(str, told))}.",
            idea="To look which change is larger and to note it are two steps. Who notes, and who compares?",
        )


@scenario
def two_simulations(student: Any) -> list[Any]:
    def simulate(start: int, steps: int) -> Any:
        return student.simulate([[start], [start]], steps, workers=2, kernel=lambda above, row, below: [row[0] + 1])

    return together(lambda: simulate(0, 2), lambda: simulate(10, 1), names=("river", "lake"))


@kind("schedules")
def test_two_simulations_do_not_meet(explore: Explore) -> None:
    """Two simulations at the same time do not disturb each other"""
    for river, lake in explore(two_simulations, schedules=60):
        expect(
            river == [[2], [2]] and lake == [[11], [11]],
            f"Two simulations ran at the same time: 0 and two steps gave {river}, 10 and one step {lake}.",
            idea="What belongs to one call, and what is shared by all calls of the module?",
        )


# -- failures ------------------------------------------------------------------------------------------


@scenario
def fail(student: Any, where: str, failing: list[int], kind_of: str = "LookupError") -> list[Any]:
    """What simulate did; kernel calls still going on then; calls of the next step.

    `failing`: step and row of the kernel call that fails, or the step after which on_step fails.
    """
    error = {"LookupError": LookupError("the gauge is broken"), "SystemExit": SystemExit(3)}[kind_of]
    running: list[float] = []
    later: list[float] = []

    def kernel(above: Any, row: Any, below: Any) -> list[float]:
        step, number = row
        if step > failing[0]:
            later.append(step)
        running.append(number)
        try:
            if where == "kernel" and [step, number] == failing:
                raise error
            time.sleep(number)
        finally:
            running.remove(number)
        return [step + 1, number]

    def on_step(step: int, change: float) -> None:
        if where == "on_step" and [step] == failing:
            raise error

    try:
        student.simulate([[0, n] for n in range(3)], 3, workers=3, kernel=kernel, on_step=on_step)
        answer = "returned as if all were well"
    except NotImplementedError:
        raise
    except BaseException as raised:
        answer = "raised it" if raised is error else f"raised {type(raised).__name__}"
        if type(raised) is type(error) and raised is not error:
            answer = f"raised a new {type(raised).__name__}"
    return [answer, len(running), len(later)]


def expect_failure(found: list[Any], story: str) -> None:
    answer, running, later = found
    expect(
        answer == "raised it",
        f"{story}; simulate {answer}. That very exception was due.",
        idea="A broken barrier is what the other threads see, not the cause. Who keeps the exception, and who raises it?"
        if "BrokenBarrier" in answer
        else "An exception ends only the thread in which it comes. Who keeps it for the caller, and who raises it there?",
    )
    expect(
        running == 0,
        f"{story}; simulate raised it while {running} of its threads still computed.",
        idea="The caller may close what the kernel uses. Who waits for the other threads before the exception is raised?",
    )
    expect(later == 0, f"{story}; after that {later} rows of the next step were begun.", idea=NOBODY_LEFT)


@kind("failure")
def test_a_kernel_that_fails_ends_all_threads(explore: Explore) -> None:
    """A kernel that fails, in any row and step, ends all threads, and its exception is raised"""
    for step, row, kind_of in (
        (1, 1, "LookupError"),
        (0, 0, "LookupError"),
        (2, 2, "LookupError"),
        (0, 1, "SystemExit"),
    ):
        raised = "called sys.exit()" if kind_of == "SystemExit" else "raised LookupError"
        for found in explore(fail, "kernel", [step, row], kind_of, schedules=50):
            expect_failure(found, f"kernel {raised} for row {row} of 3 in step {step}")


@kind("failure")
def test_an_on_step_that_fails_ends_all_threads(explore: Explore) -> None:
    """An on_step that fails ends all threads, and its exception is raised"""
    for step, kind_of in ((0, "LookupError"), (2, "LookupError"), (1, "SystemExit")):
        raised = "called sys.exit()" if kind_of == "SystemExit" else "raised LookupError"
        for found in explore(fail, "on_step", [step], kind_of, schedules=50):
            expect_failure(found, f"on_step({step}, ...) {raised}")


@scenario
def use(student: Any) -> None:
    grid = [[float(n)] for n in range(4)]

    def average(above: Any, row: Any, below: Any) -> list[float]:
        return [(above[0] + row[0] + below[0]) / 3]

    def breaks(above: Any, row: Any, below: Any) -> list[float]:
        raise LookupError("the gauge is broken")

    student.simulate(grid, 3, workers=4, kernel=average)
    student.simulate(grid, 3, workers=2, kernel=average, on_step=lambda step, change: True)
    with contextlib.suppress(LookupError):
        student.simulate(grid, 3, workers=3, kernel=breaks)


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """No thread is left, after success, an early stop and a failure"""
    submission.run(use)
    submission.finish().expect_none()
