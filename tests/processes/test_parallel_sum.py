"""Checks of parallel_sum."""

from __future__ import annotations

import collections
import os
import pickle
import random
import statistics
import sys
import threading
import time
from pathlib import Path

import numpy as np

from grader.judge import Inconclusive, Rendezvouses, Speedup, Submission, expect, kind, records, scenario
from grader.measure.cores import usable_cores

EXERCISE = "parallel_sum"

QUICKEST = "fork" if sys.platform == "linux" else "spawn"  # start method; fork is not safe on macOS
ON_SERVER = "spawn" if sys.platform == "win32" else "forkserver"
LONG_WAY = 0.003  # seconds to the submission and back; a machine with a core to spare takes less than 1 ms


# Rules and calls that run beside the submission.


@scenario
def fee(amount: int) -> int:
    """A month's charge on one amount: commission, tax, currency, then whole five cents. About half a microsecond."""
    if amount >= 0:
        commission = amount * 29 // 1000 + 30
        commission = commission if commission > 100 else 100
    else:
        commission = -amount // 200 + 15
        commission = commission if commission < 5000 else 5000
    net = amount - commission
    gross = net + (net * 19 + 50) // 100
    converted = (gross * 9137 + 5000) // 10000
    rest = converted % 5
    return converted - rest if rest < 3 else converted - rest + 5


@scenario
def digit(amount: int) -> int:
    """Give every amount a decimal digit of its own, so that the total shows how often it counted."""
    return 10 ** int(amount)


@scenario
class BadAmountError(ValueError):
    pass


@scenario
def refuse_negative(amount: int) -> int:
    if amount < 0:
        raise BadAmountError(f"negative amount {amount}")
    return amount


@scenario
class Telling:
    """A rule that tells the judge what it was asked about."""

    def __init__(self, tell):
        self.tell = tell

    def __call__(self, amount):
        self.tell(int(amount), type(amount).__name__)
        return amount


@scenario
class Gated:
    """A rule whose first call in each process (and thread) waits at a gate in the judge."""

    here = threading.local()

    def __init__(self, enter):
        self.enter = enter

    def __call__(self, amount):
        if not hasattr(self.here, "entered"):
            self.here.entered = True
            self.enter()
        return amount


@scenario
class Deadly:
    """A rule that kills its own process at one amount, unless that is the caller's process."""

    def __init__(self, victim, marker):
        self.caller = os.getpid()
        self.victim = victim
        self.marker = marker

    def __call__(self, amount):
        if amount == self.victim and os.getpid() != self.caller:
            Path(self.marker).touch()
            os.kill(os.getpid(), 9)
        return amount


@scenario
def refusals(student):
    """Return what each wrong argument raised, None where nothing was raised."""
    flat = np.arange(6)
    cases = {
        "a list": ([1, 2, 3], None),
        "an array of floats": (flat * 1.5, None),
        "an array of int32": (flat.astype(np.int32), None),
        "a two-dimensional array": (flat.astype(np.int64).reshape(2, 3), None),
        "workers=0": (flat.astype(np.int64), 0),
        "workers=-1": (flat.astype(np.int64), -1),
    }
    raised = []
    for function in (student.parallel_sum, student.parallel_stats):
        for case, (values, workers) in cases.items():
            try:
                function(values, workers=workers)
            except NotImplementedError:
                raise
            except Exception as error:
                raised.append((function.__name__, case, type(error).__name__))
            else:
                raised.append((function.__name__, case, None))
    return raised


@scenario
def total_if_it_can_be_sent(student, values):
    """Return the total after `fee`, or what pickle said about the submission's own functions."""
    try:
        return student.parallel_sum(values, key=fee, workers=2)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if "pickle" in str(error) or "local object" in str(error):
            return f"{type(error).__name__}: {error}"
        raise


@scenario
def sums_of_ranges(student, cases):
    return [student.parallel_sum(np.arange(n, dtype=np.int64), key=digit, workers=w) for n, w in cases]


@scenario
def stats_of_ranges(student, cases):
    return [student.parallel_stats(np.arange(n, dtype=np.int64), key=digit, workers=w) for n, w in cases]


@scenario
def sums_of_part(student, values, start, step):
    part = values[start::step]
    return [student.parallel_sum(part), student.parallel_sum(part, key=fee, workers=2)]


@scenario
def told_sum(student, values, tell, workers):
    return student.parallel_sum(values, key=Telling(tell), workers=workers)


@scenario
def told_stats(student, values, tell, workers):
    return student.parallel_stats(values, key=Telling(tell), workers=workers)


@scenario
def gated_sum(student, values, enter, workers):
    return student.parallel_sum(values, key=Gated(enter), workers=workers)


@scenario
def sum_with_a_killed_worker(student, values, victim, marker):
    """Return the total, or the name of what was raised."""
    try:
        return student.parallel_sum(values, key=Deadly(victim, marker), workers=2)
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__


# Helpers of the judge.


def amounts(rng: random.Random, count: int, limit: int = 10_000_000) -> np.ndarray:
    return np.random.default_rng(rng.getrandbits(64)).integers(-limit, limit, count, dtype=np.int64)


def fields(result: object) -> tuple[int, int, int | None, int | None]:
    """Return (count, total, minimum, maximum) of a Stats, or fail the check."""
    maybe = (int, type(None))
    [stats] = records([result], "Stats", count=int, total=int, minimum=maybe, maximum=maybe)
    return stats.count, stats.total, stats.minimum, stats.maximum


def expect_total(result: object, wanted: int, of: str, idea: str) -> None:
    expect(
        type(result) is int,
        f"{of} gave {result!r}, which is not a Python int",
        idea="Return an exact Python integer: int(...) turns a numpy number into one.",
    )
    expect(result == wanted, f"{of} is {wanted}, the answer was {result}", idea=idea)


# The checks.


@kind("correctness")
def test_plain_totals_are_exact(submission: Submission, rng: random.Random) -> None:
    """Plain totals are exact, also where 64 bits would wrap."""
    small = amounts(rng, 1000)
    wanted = sum(small.tolist())
    expect_total(
        submission.parallel_sum(submission.array(small)),
        wanted,
        "the total of 1000 amounts",
        idea="Does every amount count, and once?",
    )
    for count in (5, 70_001):
        large = 2**62 - np.abs(amounts(rng, count))
        large[0] = -large[0]
        wanted = sum(large.tolist())
        result = submission.parallel_sum(submission.array(large))
        expect(
            result == wanted or result != (wanted + 2**63) % 2**64 - 2**63,
            f"{count} amounts near 2^62 add up to {wanted}; the total wrapped at 2^63 and gave {result}",
            idea="numpy adds in 64 bits and wraps without a word; Python integers grow. "
            "Which parts of an amount can be added safely?",
        )
        off = abs(result - wanted) if isinstance(result, int) else None
        expect(
            not off or off > wanted >> 40,
            f"{count} amounts near 2^62 have the total {wanted}; the answer is off by {off}",
            idea="A float keeps 53 bits of a number. Stay with integers.",
        )
        expect_total(
            result, wanted, f"the total of {count} amounts near 2^62", idea="Does any step leave whole numbers?"
        )
        expected = (count, wanted, min(large.tolist()), max(large.tolist()))
        got = fields(submission.parallel_stats(submission.array(large)))
        expect(
            got == expected,
            f"parallel_stats gave {got} instead of {expected} (count, total, minimum, maximum)",
            idea="The total in Stats has to be as exact as the one of parallel_sum.",
        )
    nothing = submission.array(amounts(rng, 0))
    expect_total(submission.parallel_sum(nothing), 0, "the total of an empty array", idea="No amounts, total 0.")
    got = fields(submission.parallel_stats(nothing))
    expect(
        got == (0, 0, None, None),
        f"parallel_stats of an empty array gave {got} instead of (0, 0, None, None)",
        idea="Without amounts there is neither a minimum nor a maximum.",
    )


@kind("correctness")
def test_the_array_is_left_unchanged(submission: Submission, rng: random.Random) -> None:
    """The array is left unchanged."""
    values = amounts(rng, 5000, limit=2**62)
    given = submission.array(values)
    submission.parallel_sum(given)
    submission.parallel_stats(given)
    submission.parallel_sum(given, key=fee, workers=1)
    changed = int((np.asarray(submission.array_now(given)) != values).sum())
    expect(
        changed == 0,
        f"the caller's array was changed: {changed} of 5000 amounts are different afterwards",
        idea="`values >>= 32` works in the caller's memory; `values >> 32` makes a new array.",
    )


@kind("correctness")
def test_negative_amounts_keep_their_sign(submission: Submission, rng: random.Random) -> None:
    """Negative amounts keep their sign, also as minimum and maximum."""
    debts = -1 - np.abs(amounts(rng, 500))
    for values in (debts, -debts):
        listed = values.tolist()
        for key, results in ((None, listed), (fee, [fee(amount) for amount in listed])):
            rule = "no rule" if key is None else "a fee as rule"
            which = f"500 amounts from {min(listed)} to {max(listed)} and {rule}"
            given = submission.array(values)
            count, total, least, most = fields(submission.parallel_stats(given, key=key, workers=1))
            expect(
                least in results and most in results,
                f"{which}: minimum {least} and maximum {most}, and at least one of them is not among the amounts",
                idea="What does your minimum start from? Zero is an amount too, and perhaps nobody paid it.",
            )
            expect(
                (least, most) == (min(results), max(results)),
                f"{which}: minimum {least} and maximum {most} instead of {min(results)} and {max(results)}",
                idea="Which of two negative numbers is the smaller one?",
            )
            expect(
                (count, total) == (500, sum(results)),
                f"{which}: count {count} and total {total} instead of 500 and {sum(results)}",
                idea="Does a step of yours take the amounts for unsigned numbers?",
            )
            result = submission.parallel_sum(given, key=key, workers=1)
            expect_total(
                result, sum(results), f"the total of {which}", idea="Does a step take them for unsigned numbers?"
            )


@kind("correctness")
def test_other_arguments_are_refused(submission: Submission) -> None:
    """Anything but a flat int64 array is refused, and so are workers below 1."""
    for function, case, raised in submission.run(refusals):
        wanted = "ValueError" if case.startswith(("workers", "a two")) else "TypeError"
        expect(
            raised == wanted,
            f"{function} with {case} " + (f"raised {raised} instead of {wanted}" if raised else f"raised no {wanted}"),
            idea="A silent conversion loses cents or order. Look at the type, `dtype` and `ndim` before you add.",
        )


@kind("correctness")
def test_importing_starts_nothing(submission: Submission, rng: random.Random) -> None:
    """Importing the module starts nothing, and spawned workers can use it."""
    submission.start_method = "spawn"
    submission.load()
    started = submission.child_processes()
    expect(
        started == 0,
        f"importing your module starts processes: there were {started} before any call",
        idea="Under spawn each child imports your module again. Start workers inside the function that needs them.",
    )
    values = amounts(rng, 600)
    result = submission.run(total_if_it_can_be_sent, submission.array(values))
    expect(
        not isinstance(result, str),
        f"under spawn a task could not be sent to a worker: {result}",
        idea="a worker gets the function's name, not its code: it must be importable, so put it at module level.",
    )
    expect_total(
        result,
        sum(map(fee, values.tolist())),
        "the total of 600 amounts after a fee, by 2 spawned workers,",
        idea="A spawned worker knows nothing but what you send it and what your module defines.",
    )


@kind("correctness")
def test_every_amount_counts_once(submission: Submission) -> None:
    """Every amount counts once, for any count and any number of workers."""
    submission.start_method = QUICKEST
    if QUICKEST == "fork":
        several = [(count, workers) for workers in (2, 3, 7) for count in (0, 1, 2, 3, 5, 7, 13, 33)]
    else:
        several = [(1, 2), (13, 2), (2, 3), (33, 3)]
    cases = [(count, 1) for count in range(34)] + several
    for (count, workers), total in zip(cases, submission.run(sums_of_ranges, cases), strict=True):
        which = f"{count} amounts, workers={workers}"
        expect(type(total) is int, f"{which}: the total was {total!r}, not an int", idea="Return a Python int.")
        times = [int(digit) for digit in reversed(str(total).zfill(count))] if count else []
        lost = [place for place in range(count) if times[place] == 0]
        again = [place for place in range(count) if times[place] > 1]
        expect(
            not lost,
            f"{which}: the amounts at {lost} were lost",
            idea="How many amounts does each worker get, and who gets the remainder of the division?",
        )
        expect(
            not again,
            f"{which}: the amounts at {again} were counted twice or more",
            idea="Where one slice stops the next one starts: values[a:b] leaves out values[b].",
        )
        expect(total == sum(10**place for place in range(count)), f"{which}: the total was {total}", idea="Start at 0.")
    cases = [case for case in cases if case[1] in (1, 3)]
    for (count, workers), result in zip(cases, submission.run(stats_of_ranges, cases), strict=True):
        wanted = (count, sum(10**n for n in range(count)), 1 if count else None, 10 ** (count - 1) if count else None)
        got = fields(result)
        expect(
            got == wanted,
            f"{count} amounts, workers={workers}: parallel_stats gave {got} instead of {wanted}",
            idea="With few amounts some workers get none. What is the minimum of an empty slice?",
        )


@kind("correctness")
def test_every_third_amount_is_totalled(submission: Submission, rng: random.Random) -> None:
    """Every third amount of an array is totalled like any other array."""
    values = amounts(rng, 1000)
    for start, step in ((0, 3), (999, -2)):
        wanted = values[start::step].tolist()
        plain, ruled = submission.run(sums_of_part, submission.array(values), start, step)
        idea = "The amounts of a view do not lie side by side. Let numpy copy them, not their memory as one block."
        expect_total(plain, sum(wanted), f"the total of values[{start}::{step}]", idea=idea)
        expect_total(ruled, sum(map(fee, wanted)), f"the total of values[{start}::{step}] after a fee", idea=idea)


@kind("correctness")
def test_a_mapped_ledger_is_totalled(submission: Submission, rng: random.Random) -> None:
    """A memory-mapped ledger is totalled, and so is a part of it."""
    values = amounts(rng, 1000)
    ledger = submission.array(values, memmap=True)
    for start, which in ((0, "a whole file"), (300, "a part of a file (values[300:])")):
        wanted = values[start:].tolist()
        plain, ruled = submission.run(sums_of_part, ledger, start, 1)
        idea = (
            "A view of a memmap knows its file, but not where in the file it begins. What do you send to the workers?"
        )
        expect_total(plain, sum(wanted), f"the total of {which}", idea=idea)
        expect_total(ruled, sum(map(fee, wanted)), f"the total of {which} after a fee", idea=idea)


@kind("correctness")
def test_the_rule_is_asked_once(submission: Submission, rng: random.Random) -> None:
    """The rule is asked once about every amount, with a Python int."""
    values = np.array(rng.sample(range(-(10**9), 10**9), 150), dtype=np.int64)
    for name, told in (("parallel_sum", told_sum), ("parallel_stats", told_stats)):
        asked: collections.Counter[int] = collections.Counter()
        kinds: set[str] = set()
        lock = threading.Lock()

        def tell(amount: int, kind_of_amount: str, asked=asked, kinds=kinds, lock=lock) -> None:
            with lock:
                asked[amount] += 1
                kinds.add(kind_of_amount)

        submission.run(told, submission.array(values), tell, 2)
        expect(
            kinds == {"int"},
            f"{name} gave the rule amounts of type {', '.join(sorted(kinds)) or 'none at all'}",
            idea="The rule belongs to another team and expects Python ints; numpy's wrap. `tolist()` makes ints.",
        )
        missing = sum(amount not in asked for amount in values.tolist())
        expect(
            not missing,
            f"{name} did not ask the rule about {missing} of 150 amounts",
            idea="Does every slice reach a worker?",
        )
        often = sum(times > 1 for times in asked.values())
        expect(
            not often,
            f"{name} asked the rule more than once about {often} of 150 amounts ({asked.total()} calls)",
            idea="The rule is the expensive part. Keep what it returned, and ask that for total, minimum and maximum.",
        )


@kind("failure")
def test_what_the_rule_raises_reaches_the_caller(submission: Submission, rng: random.Random) -> None:
    """What the rule raises reaches the caller with its type."""
    values = np.abs(amounts(rng, 200))
    values[rng.randrange(200)] = -5
    for workers in (1, 2):
        for name in ("parallel_sum", "parallel_stats"):
            raised = submission.error_of(name, submission.array(values), key=refuse_negative, workers=workers)
            expect(
                raised.type == "BadAmountError",
                f"{name}, workers={workers}: the rule raised BadAmountError, the caller got {raised.type}",
                idea="Which of your lines catches it? A pool carries an exception to the caller by itself.",
            )


@kind("failure")
def test_a_killed_worker_raises(submission: Submission, rng: random.Random) -> None:
    """A killed worker raises an exception instead of waiting for ever."""
    submission.start_method = QUICKEST
    values = list(range(1, 401))
    marker = submission.folder / "killed"
    given = submission.array(np.array(values, dtype=np.int64))
    result = submission.run(sum_with_a_killed_worker, given, rng.choice(values), str(marker))
    if not marker.exists():  # no worker process, so nobody was killed
        expect_total(result, sum(values), "the total of 1 to 400", idea="Nothing went wrong here: add up.")
        return
    seconds = time.time() - marker.stat().st_mtime
    expect(
        isinstance(result, str),
        f"a worker was killed, and the call returned {result!r} as if nothing had happened",
        idea="The answer of the dead worker is missing. An exception is better than a wrong total.",
    )
    expect(
        seconds < 5,
        f"a worker was killed, and the caller heard of it after {seconds:.1f} s",
        idea="The end of a process can be waited for: look for `sentinel`, or for who raises BrokenProcessPool.",
    )


@kind("bounds")
def test_as_many_rules_run_at_once_as_workers(
    submission: Submission, rendezvous: Rendezvouses, rng: random.Random
) -> None:
    """As many calls of the rule run at once as there are workers."""
    submission.start_method = ON_SERVER
    values = amounts(rng, 12_000)
    meeting = rendezvous(3)
    result = submission.run(gated_sum, submission.array(values), meeting.enter, 3)
    expect(
        meeting.met,
        f"workers=3, but at most {meeting.most} call(s) of the rule ran at once",
        idea="Hand out all slices before you wait for the first answer. Who waits for whom in your code?",
    )
    expect_total(result, sum(values.tolist()), "the total of 12000 amounts", idea="Does every slice count once?")


@kind("rule")
def test_one_worker_starts_no_process(submission: Submission, rng: random.Random) -> None:
    """One worker means no process."""
    values = amounts(rng, 3)
    for name, told in (("parallel_sum", told_sum), ("parallel_stats", told_stats)):
        seen: list[int] = []

        def tell(amount: int, kind_of_amount: str, seen=seen) -> None:
            seen.append(submission.child_processes())

        submission.run(told, submission.array(values), tell, 1)
        expect(
            not any(seen),
            f"{name} with one worker ran {max(seen, default=0)} process(es) besides the caller's",
            idea="A pool of one pays for a start and for sending, and nothing runs at once. Call the rule yourself.",
        )


@kind("rule")
def test_the_plain_total_starts_no_process(submission: Submission, rng: random.Random) -> None:
    """The plain total starts no process."""
    submission.start_method = "spawn"
    given = submission.array(amounts(rng, 1_000_000))
    submission.load()
    for name in ("parallel_sum", "parallel_stats"):
        call = submission.start(name, given, workers=2)
        most = 0
        while not call.finished:
            most = max(most, submission.child_processes())
        call.result()
        expect(
            most == 0,
            f"{name} without a rule ran {most} process(es) besides the caller's",
            idea="Starting them costs 60 ms and more, the sum of a million amounts 1 ms: "
            "numpy is already as fast as memory.",
        )


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission, rng: random.Random) -> None:
    """Nothing is left behind, after a total and after an error."""
    values = amounts(rng, 1000)
    given = submission.array(values)
    submission.parallel_sum(given, key=fee, workers=2)
    submission.parallel_stats(given, key=fee, workers=2)
    submission.error_of("parallel_sum", given, key=refuse_negative, workers=2)
    submission.finish().expect_none()


@scenario
def nothing(student: object) -> None:
    """A question that costs the way to the submission's process and back."""


@kind("speedup")
def test_the_plain_total_is_nearly_as_fast_as_numpy(submission: Submission, rng: random.Random) -> None:
    """The plain total takes at most 20 times as long as values.sum()."""
    values = amounts(rng, 4_000_000)
    given = submission.array(values)
    wanted = int(values.sum())
    sums: list[float] = []
    calls: list[float] = []
    ways: list[float] = []
    for _ in range(20):
        began = time.perf_counter()
        values.sum()
        sums.append(time.perf_counter() - began)
        began = time.perf_counter()
        submission.run(nothing)
        ways.append(time.perf_counter() - began)
        result = submission.timed("parallel_sum", given)
        calls.append(submission.elapsed)
        expect_total(result, wanted, "the total of 4000000 amounts", idea="Does every amount count once?")
        if len(calls) > 1 and min(calls) <= 20 * min(sums):
            break
    times = min(calls) / min(sums)
    if times > 20 and (way := statistics.median(ways)) > LONG_WAY:
        raise Inconclusive(f"Not measurable here: a question that costs nothing took {way * 1000:.0f} ms on this machine now.")
    expect(
        times <= 20,
        f"the plain total of 4 million amounts took {min(calls) * 1000:.0f} ms, "
        f"{times:.0f} times as long as values.sum()",
        idea="A Python loop pays for an object per amount. "
        "Which numpy operations give an exact total from sums that cannot wrap?",
    )


@kind("speedup")
def test_all_cores_beat_one_loop(submission: Submission, speedup: Speedup, rng: random.Random) -> None:
    """With all cores the rule is applied faster than by one loop."""
    workers = min(8, usable_cores())  # as many as the machine's own measurement uses
    speedup.cpu(
        fresh=lambda: amounts(rng, 1_600_000),
        baseline=lambda values: sum(map(fee, values.tolist())),
        attempt=lambda values: submission.timed("parallel_sum", submission.array(values), key=fee, workers=workers),
        alpha=0.25,
    )
