"""Checks of bounded_buffer."""

from __future__ import annotations

import ast
import threading
import time
from typing import Any

from grader.explore import quiet, together
from grader.judge import Explore, Submission, expect, kind, scenario

EXERCISE = "bounded_buffer"
BANNED = ("queue", "_queue", "asyncio", "multiprocessing")
ONE_STEP = "Looking and acting must be one step for other threads: which lock is held over both?"
LOOK_AGAIN = "A thread that wakes up knows that something changed, not that its turn has come. What does yours do before it acts?"
WASTED = (
    "A notify() may be spent on a thread whose time is up. What does yours look at when a wait has timed out, "
    "before it gives up?"
)
NOBODY_POLLS = (
    "Whoever waits should sleep until somebody wakes it: threading.Condition. Who knows that there is an item now?"
)


@kind("rule")
def test_no_finished_queue_is_used(submission: Submission) -> None:
    """The buffer is built from locks and conditions, not from queue, asyncio or multiprocessing"""
    source = submission.session.job.source.read_text(encoding="utf-8")
    used = sorted({f"{name} (line {line})" for name, line in imports_of(source) if name.split(".")[0] in BANNED})
    expect(
        not used,
        f"bounded_buffer.py imports {', '.join(used)}.",
        idea="What these modules do for you is what this exercise is about.",
    )


def imports_of(source: str) -> list[tuple[str, int]]:
    """Modules that this source imports, and the lines; also by import_module("...")."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.lineno))
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("__import__", "import_module"):
                found.append((str(node.args[0].value), node.lineno))
    return found


# -- one thread ----------------------------------------------------------------------------------------


@scenario
def told(call: Any, *args: Any, **kwargs: Any) -> Any:
    """What the call returned, or the name of the buffer's exception that it raised."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        if type(error).__name__ not in ("Full", "Empty", "Closed"):
            raise
        return type(error).__name__


@scenario
def put_and_get(student: Any) -> list[Any]:
    buffer, other = student.BoundedBuffer(3), student.BoundedBuffer(3)
    lengths = [len(buffer)]
    for item in ("first", None, 0):
        told(buffer.put, item)
        lengths.append(len(buffer))
    elsewhere = len(other)
    items = [told(buffer.get), told(buffer.get)]
    told(buffer.put, "last")
    items += [told(buffer.get), told(buffer.get)]
    return [lengths, items, len(buffer), elsewhere]


@kind("correctness")
def test_items_come_out_in_the_order_they_went_in(explore: Explore) -> None:
    """First in, first out; any item will do, and len() tells how many are stored"""
    for lengths, items, left, elsewhere in explore(put_and_get, schedules=5):
        expect(
            items == ["first", None, 0, "last"],
            f"'first', None, 0 and 'last' were put; get() gave {', '.join(map(repr, items))}.",
            idea="First in, first out. None is an item like any other.",
        )
        expect(
            lengths == [0, 1, 2, 3] and left == 0,
            f"len() was {lengths} while three items were put, and {left} when all were taken.",
            idea="len() is the number of items that are stored.",
        )
        expect(elsewhere == 0, f"Another buffer has len() {elsewhere}.", idea="What do two buffers share, and why?")


@scenario
def bad_capacities(student: Any) -> list[str]:
    seen = []
    for capacity in (0, -1):
        try:
            student.BoundedBuffer(capacity)
        except ValueError:
            seen.append("ValueError")
        else:
            seen.append("no error")
    return seen


@kind("failure")
def test_a_capacity_below_one_is_refused(submission: Submission) -> None:
    """A capacity below 1 is a ValueError"""
    seen = submission.run(bad_capacities)
    expect(
        seen == ["ValueError", "ValueError"],
        f"BoundedBuffer(0): {seen[0]}; BoundedBuffer(-1): {seen[1]}. ValueError was due.",
        idea="A put into such a buffer would wait for ever.",
    )


@scenario
def never_wait(student: Any) -> list[Any]:
    buffer = student.BoundedBuffer(2)
    began = time.monotonic()
    seen = [
        told(buffer.get, timeout=0),
        told(buffer.put, "a", timeout=0),
        told(buffer.put, "b", 0),
        told(buffer.put, "c", timeout=0),
        told(buffer.put, "d", timeout=-1),
        told(buffer.get, 0),
        told(buffer.get, timeout=0),
        told(buffer.get, timeout=-1),
    ]
    return [seen, round(time.monotonic() - began, 3), len(buffer)]


@kind("correctness")
def test_a_timeout_of_zero_never_waits(explore: Explore) -> None:
    """timeout=0 takes what is there and never waits: Full and Empty come at once; a negative timeout is 0"""
    for seen, waited, left in explore(never_wait, schedules=5):
        due = ["Empty", None, None, "Full", "Full", "a", "b", "Empty"]
        expect(
            seen == due and left == 0,
            f"Capacity 2: get, put a, b, c, d, get, get, get gave {', '.join(map(str, seen))}; "
            f"{', '.join(map(str, due))} was due.",
            idea="With timeout=0 each call looks once: done, Full or Empty. 0 is a timeout, None is none.",
        )
        expect(
            waited < 0.01, f"Calls with timeout=0 took {waited:g} s.", idea="What do you wait for when the time is up?"
        )


@scenario
def wait_in_vain(student: Any, side: str) -> list[Any]:
    buffer = student.BoundedBuffer(1)
    began = time.monotonic()
    if side == "put":
        buffer.put("a")
        answer = told(buffer.put, "b", timeout=1)
    else:
        answer = told(buffer.get, timeout=1)
    return [answer, round(time.monotonic() - began, 2), len(buffer)]


@kind("correctness")
def test_a_timeout_ends_the_wait(explore: Explore) -> None:
    """When nobody comes, Full and Empty come after the timeout"""
    for side, due, stored in (("get", "Empty", 0), ("put", "Full", 1)):
        for answer, waited, length in explore(wait_in_vain, side, schedules=5, points=50_000):
            expect(
                answer == due and 0.9 < waited < 1.1 and length == stored,
                f"{side}(timeout=1), and nobody came: {answer} after {waited:g} s, and len() was {length}; "
                f"{due} after 1 s was due.",
                idea="How does your code notice that the time is up, and what does it do then?",
            )


@scenario
def close_and_drain(student: Any) -> list[Any]:
    buffer = student.BoundedBuffer(2)
    told(buffer.put, "a")
    told(buffer.put, "b")
    buffer.close()
    told(buffer.close)
    seen = [told(buffer.put, "c", timeout=0), told(buffer.get), told(buffer.put, "d"), told(buffer.get)]
    return [*seen, told(buffer.get, timeout=0), told(buffer.get), len(buffer)]


@kind("correctness")
def test_a_closed_buffer_drains(explore: Explore) -> None:
    """After close(), get() takes what is stored, then raises Closed; put() raises Closed; closing again does nothing"""
    for seen in explore(close_and_drain, schedules=5):
        due = ["Closed", "a", "Closed", "b", "Closed", "Closed", 0]
        expect(
            seen == due,
            f"'a' and 'b' stored, closed twice: put, get, put, get, get, get, len gave {', '.join(map(str, seen))}; "
            f"{', '.join(map(str, due))} was due.",
            idea="Nothing goes in any more, everything comes out. A closed buffer is Closed, not Full and not Empty.",
        )


# -- waiting -------------------------------------------------------------------------------------------


@scenario
def wait_half_a_second(student: Any) -> list[Any]:
    empty, full = student.BoundedBuffer(1), student.BoundedBuffer(1)
    full.put("a")
    answers = []
    calls = [lambda: told(empty.get, timeout=0.5), lambda: told(full.put, "b", timeout=0.5)]
    threads = [threading.Thread(target=lambda call=call: answers.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(map(str, answers))


@kind("bounds")
def test_waiting_costs_no_processor_time(submission: Submission) -> None:
    """A get and a put that wait for half a second use next to no processor time"""
    answers = submission.timed(wait_half_a_second)
    expect(
        answers == ["Empty", "Full"],
        f"get and put waited in vain; they gave {' and '.join(answers)}.",
        idea="How does your code notice that the time is up, and what does it do then?",
    )
    expect(
        submission.cpu < 0.08,
        f"A get and a put waited for 0.5 s, and used {submission.cpu:.2f} s of processor time.",
        idea=NOBODY_POLLS,
    )


@scenario
def wait_for_hours(student: Any, side: str, timeout: float | None) -> list[Any]:
    """Seconds for which a call waited while nothing happened, and the steps that its thread took meanwhile."""
    buffer = student.BoundedBuffer(1)
    if side == "put":
        buffer.put("a")
    call = {"get": lambda: buffer.get(timeout), "put": lambda: buffer.put("b", timeout)}[side]
    # A daemon: the schedule is over when the scenario is, whether this call has ended or not.
    threading.Thread(target=lambda: told(call), name="waiter", daemon=True).start()
    return [*quiet()]


@kind("bounds")
def test_who_waits_takes_no_steps(explore: Explore) -> None:
    """A call that waits does nothing at all until something happens, for hours"""
    for side in ("get", "put"):
        for timeout in (None, 1e6):
            for seconds, taken in explore(wait_for_hours, side, timeout, schedules=2):
                expect(
                    taken <= 3,
                    f"A {side} waited, and nothing happened: in {seconds:g} s it took {taken} steps.",
                    idea=NOBODY_POLLS,
                )


# -- several threads -----------------------------------------------------------------------------------


@scenario
def two_want_one(student: Any, side: str) -> list[Any]:
    buffer = student.BoundedBuffer(1)
    if side == "put":
        seen = together(
            lambda: told(buffer.put, "a", timeout=0),
            lambda: told(buffer.put, "b", timeout=0),
            names=("producer 1", "producer 2"),
        )
    else:
        buffer.put("a")
        seen = together(
            lambda: told(buffer.get, timeout=0),
            lambda: told(buffer.get, timeout=0),
            names=("consumer 1", "consumer 2"),
        )
    return [*sorted(map(str, seen)), len(buffer)]


@kind("schedules")
def test_one_place_is_given_once(explore: Explore) -> None:
    """Two producers and one place, two consumers and one item: exactly one gets it"""
    for *seen, length in explore(two_want_one, "put", schedules=80):
        expect(length <= 1, f"The capacity is 1, and two producers stored {length} items.", idea=ONE_STEP)
        expect(
            seen == ["Full", "None"] and length == 1,
            f"Two put(timeout=0) into one place gave {' and '.join(seen)}, and len() is {length}.",
            idea=ONE_STEP,
        )
    for *seen, length in explore(two_want_one, "get", schedules=80):
        expect(
            seen == ["Empty", "a"] and length == 0,
            f"Two get(timeout=0) of one item gave {' and '.join(seen)}, and len() is {length}.",
            idea=ONE_STEP,
        )


@scenario
def hand_over(student: Any) -> list[Any]:
    buffer = student.BoundedBuffer(1)

    def produce() -> list[Any]:
        return [told(buffer.put, 1), told(buffer.put, 2)]

    def consume() -> list[Any]:
        return [told(buffer.get), told(buffer.get)]

    stored, items = together(produce, consume, names=("producer", "consumer"))
    return [stored, items, len(buffer)]


@kind("schedules")
def test_one_producer_and_one_consumer(explore: Explore) -> None:
    """Two items pass through one place, in order"""
    for stored, items, length in explore(hand_over, schedules=120):
        expect(stored == [None, None], f"1 and 2 were put; put gave {stored[0]} and {stored[1]}.", idea=LOOK_AGAIN)
        expect(
            items == [1, 2] and length == 0,
            f"1 and 2 were put; the consumer got {items[0]} and {items[1]}, and {length} are left.",
            idea=ONE_STEP,
        )


@scenario
def take_from_the_woken(student: Any, side: str) -> list[Any]:
    """Somebody waits; what it waits for comes, and another one may be faster. What each got, and what is stored."""
    buffer = student.BoundedBuffer(1)
    crash = None

    def waiter() -> Any:
        nonlocal crash
        try:
            return told(buffer.get, timeout=5) if side == "get" else told(buffer.put, "late", timeout=5)
        except Exception as error:
            if isinstance(error, NotImplementedError):
                raise
            crash = type(error).__name__

    if side == "get":
        others = [lambda: told(buffer.put, "x"), lambda: told(buffer.get, timeout=0)]
    else:
        buffer.put("x")
        others = [lambda: told(buffer.get), lambda: told(buffer.put, "quick", timeout=0)]
    seen = together(waiter, *others, names=("waiter", "helper", "quick one"))
    return [seen[0], seen[2], crash, len(buffer)]


@kind("schedules")
def test_who_was_woken_looks_again(explore: Explore) -> None:
    """A thread is woken, but another one was faster: nothing is taken twice, and nothing overflows"""
    for late, quick, crash, length in explore(take_from_the_woken, "get", schedules=80):
        expect(
            crash is None,
            f"A get was woken for an item that another get had already taken: {crash}.",
            idea=LOOK_AGAIN,
        )
        expect(
            not (late == "Empty" and length == 1),
            "A get(timeout=5) waited for an item, one came, and it gave up: the wake-up went to a get(timeout=0).",
            idea=WASTED,
        )
        expect(
            sorted((str(late), str(quick))) == ["Empty", "x"] and length == 0,
            f"One item came, and two wanted it: they got {late} and {quick}, and len() is {length}.",
            idea=LOOK_AGAIN,
        )
    for late, quick, crash, length in explore(take_from_the_woken, "put", schedules=80):
        expect(
            length <= 1,
            f"A put was woken for a place that another put had already taken: the capacity is 1, and len() {length}.",
            idea=LOOK_AGAIN,
        )
        expect(
            not (late == "Full" and length == 0),
            "A put(timeout=5) waited for a place, one came free, and it gave up: the wake-up went to a put(timeout=0).",
            idea=WASTED,
        )
        expect(
            crash is None and sorted((str(late), str(quick))) == ["Full", "None"] and length == 1,
            f"One place came free, and two wanted it: they got {crash or late} and {quick}, and len() is {length}.",
            idea=LOOK_AGAIN,
        )


@scenario
def two_and_two(student: Any, capacity: int) -> list[Any]:
    buffer = student.BoundedBuffer(capacity)
    _, _, *items = together(
        lambda: told(buffer.put, 1),
        lambda: told(buffer.put, 2),
        lambda: told(buffer.get),
        lambda: told(buffer.get),
        names=("producer 1", "producer 2", "consumer 1", "consumer 2"),
    )
    return [*sorted(map(str, items)), len(buffer)]


@kind("schedules")
def test_two_producers_and_two_consumers(explore: Explore) -> None:
    """Two producers and two consumers, with one place and with two: everybody gets through, and no item is lost"""
    # Without any preemption the order in which they come decides; then at random.
    for capacity, bound in ((1, 0), (2, 0), (1, None)):
        for *items, length in explore(two_and_two, capacity, bound=bound, schedules=120):
            expect(
                items == ["1", "2"] and length == 0,
                f"1 and 2 were put; the consumers got {' and '.join(items)}, and {length} are left.",
                idea=ONE_STEP,
            )


@scenario
def close_under_waiters(student: Any, side: str) -> list[Any]:
    buffer = student.BoundedBuffer(1)
    if side == "put":
        buffer.put("a")
    calls = {"get": lambda: told(buffer.get), "put": lambda: told(buffer.put, "b")}

    def close() -> None:
        time.sleep(1)  # until all of them wait
        buffer.close()

    role = {"get": "consumer", "put": "producer"}[side]
    names = (f"{role} 1", f"{role} 2", f"{role} 3", "closer")
    *seen, _ = together(calls[side], calls[side], calls[side], close, names=names)
    return [seen, len(buffer)]


@kind("failure")
def test_close_wakes_everybody(explore: Explore) -> None:
    """Three blocked producers and three blocked consumers all return when the buffer is closed"""
    for side, stored in (("put", 1), ("get", 0)):
        for seen, length in explore(close_under_waiters, side, schedules=25):
            expect(
                seen == ["Closed"] * 3 and length == stored,
                f"Three threads waited in {side}, the buffer was closed: they got {', '.join(map(str, seen))}, and len() is "
                f"{length}. Closed for all and {stored} were due.",
                idea="close() is a change as well: who waits for it, and who may act on what afterwards?",
            )


@scenario
def iterate(student: Any) -> list[Any]:
    buffer = student.BoundedBuffer(2)

    def produce() -> None:
        for item in (1, 2, 3):
            told(buffer.put, item)
        buffer.close()

    return together(produce, lambda: told(list, buffer), names=("producer", "consumer"))[1]


@kind("schedules")
def test_iteration_ends_when_closed_and_drained(explore: Explore) -> None:
    """Iterating takes every item, waits while the buffer is empty, and ends when it is closed and drained"""
    for items in explore(iterate, schedules=80):
        expect(
            items == [1, 2, 3],
            f"1, 2 and 3 were put, then the buffer was closed; iterating over it gave {items}.",
            idea="Empty is not the end, and closed is not the end as long as something is stored.",
        )


@scenario
def close_in_the_middle(student: Any, side: str) -> list[Any]:
    """What put and get came to when close() falls between, and what could be taken afterwards."""
    buffer = student.BoundedBuffer(1)
    if side == "full":
        buffer.put("a")
    stored, got, _ = together(
        lambda: told(buffer.put, "b"), lambda: told(buffer.get), buffer.close, names=("producer", "consumer", "closer")
    )
    rest = []
    while (item := told(buffer.get, timeout=0)) not in ("Closed", "Empty"):
        rest.append(item)
    return [stored, got, rest, item]


@kind("schedules")
def test_close_loses_and_invents_nothing(explore: Explore) -> None:
    """close() falls between a put and a get: what was stored comes out, what was refused does not"""
    for side in ("full", "empty"):
        for stored, got, rest, last in explore(close_in_the_middle, side, schedules=100):
            # A consumer finds the buffer closed only when it is drained, so it never goes away before an item that was stored.
            due = (["a"] if side == "full" else []) + (["b"] if stored is None else [])
            out = ([] if got == "Closed" else [got]) + rest
            expect(
                out == due and (got != "Closed" or not due),
                f"A buffer with {'one item, a' if side == 'full' else 'no item'}: put(b) gave {stored}, get() {got}, and "
                f"afterwards {rest or 'nothing'} could be taken.",
                idea="Is a put that raised Closed stored, or a put that returned lost? Which step decides that?",
            )
            expect(
                last == "Closed", f"Closed and drained, get(timeout=0) gave {last}.", idea="Closed comes before Empty."
            )


@scenario
def woken_in_vain(student: Any, side: str) -> list[Any]:
    buffer = student.BoundedBuffer(1)
    if side == "put":
        buffer.put("a")

    def wait() -> list[Any]:
        began = time.monotonic()
        answer = told(buffer.get, timeout=5.5) if side == "get" else told(buffer.put, "b", timeout=5.5)
        return [answer, round(time.monotonic() - began, 2)]

    def disturb() -> None:
        calls = [lambda: told(buffer.put, "a", timeout=0), lambda: told(buffer.get, timeout=0)]
        for _ in range(5):
            time.sleep(1)
            for call in calls if side == "get" else reversed(calls):
                call()

    return together(wait, disturb, names=("waiter", "quick one"))[0]


@kind("schedules")
def test_a_timeout_covers_the_whole_call(explore: Explore) -> None:
    """Woken five times, and each time another thread was faster: the timeout still covers the whole call"""
    for side, due in (("get", "Empty"), ("put", "Full")):
        for answer, waited in explore(woken_in_vain, side, schedules=20):
            expect(
                waited < 5.6,
                f"{side}(timeout=5.5) was woken once a second, and another thread was faster: it ended after {waited:g} s.",
                idea="How much of the timeout is left after the first wake-up? Only the moment when it ends stays the same.",
            )
            expect(
                answer != due or waited > 5.4,
                f"{side}(timeout=5.5) was woken by a change that was not for it, and gave up after {waited:g} s: {answer}.",
                idea=LOOK_AGAIN,
            )


@scenario
def leave_as_it_comes(student: Any, side: str) -> Any:
    """What the patient one of three waiters got; whoever is faster passes on what it got."""
    buffer = student.BoundedBuffer(1)
    if side == "put":
        told(buffer.put, "x")

    def impatient() -> None:
        if side == "get" and told(buffer.get, timeout=1) == "x":
            told(buffer.put, "x")
        elif side == "put" and told(buffer.put, "x", timeout=1) is None:
            told(buffer.get)

    def take() -> Any:
        return told(buffer.get)

    def store() -> Any:
        return told(buffer.put, "x")

    patient, helper = (take, store) if side == "get" else (store, take)
    names = ("impatient one", "second impatient one", "patient one", "helper")
    return together(impatient, impatient, patient, helper, names=names)[2]


@kind("schedules")
def test_who_gives_up_takes_no_wake_up_along(explore: Explore) -> None:
    """A waiter's time is up at the very moment when what it waits for comes: the next waiter gets it"""
    for side, due in (("get", "x"), ("put", None)):
        # A wake-up that is lost leaves the patient one waiting for ever.
        for got in explore(leave_as_it_comes, side, schedules=120, adversarial_timeouts=True):
            expect(got == due, f"One {side}() waits as long as it takes; it gave {got}.", idea=LOOK_AGAIN)


@scenario
def use(student: Any) -> list[Any]:
    buffer = student.BoundedBuffer(2)
    items: list[Any] = []
    consumers = [threading.Thread(target=lambda: items.extend(buffer)) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    for item in range(20):
        buffer.put(item)
    told(student.BoundedBuffer(1).get, timeout=0.01)
    buffer.close()
    for consumer in consumers:
        consumer.join()
    return sorted(items)


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """No thread is left when the buffers are no longer used"""
    items = submission.run(use)
    expect(items == list(range(20)), f"20 items were put, {len(items)} came out.", idea=ONE_STEP)
    submission.finish().expect_none()
