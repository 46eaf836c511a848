"""Checks of warm_caches."""

from __future__ import annotations

import contextlib
import functools
import io
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from grader.explore import pause, together
from grader.judge import Explore, Rendezvous, Rendezvouses, Speedup, Submission, expect, kind, scenario

EXERCISE = "warm_caches"
HERE_AND_NOW = (
    "`fn()` and `thread.run()` are ordinary calls: they run the loader here and now. Hand `fn` over, and call start()."
)
SILENT = "What a thread raises is lost unless `run` keeps it. Who asks each thread for its exception, and when?"


# -- warm_all ----------------------------------------------------------------------------------------


@kind("correctness")
def test_no_loaders_give_an_empty_dictionary(submission: Submission) -> None:
    """No loaders give an empty dictionary"""
    values = submission.warm_all({})
    expect(values == {}, f"warm_all({{}}) gave {values!r}.", idea="What do your loops do when there is nothing to do?")


@scenario
def meet(student: Any, enter: Any, count: int) -> None:
    caller = threading.current_thread()
    done = threading.Semaphore(0)

    def loader() -> str:
        enter(threading.current_thread() is caller)
        done.release()
        return "warm"

    student.warm_all({f"cache {number}": loader for number in range(count)})
    # Whether warm_all itself waits is the question of another check.
    all(done.acquire(timeout=3) for _ in range(count))


def expect_all_met(submission: Submission, meeting: Rendezvous, count: int) -> None:
    in_the_callers_thread: list[bool] = []

    def enter(in_callers: object) -> None:
        in_the_callers_thread.append(in_callers is True)
        meeting.enter()

    submission.run(meet, enter, count)
    expect(
        not any(in_the_callers_thread),
        f"{sum(in_the_callers_thread)} of {count} loaders ran in the thread that called warm_all, which was busy with "
        f"them. At most {meeting.most} loader(s) were at work at once.",
        idea=HERE_AND_NOW,
    )
    expect(
        meeting.most != 1 or meeting.met,
        f"There were threads, but they worked one at a time: only 1 of {count} loaders was ever at work.",
        idea="When do you wait for the first thread: before or after you start the second?",
    )
    expect(
        meeting.met,
        f"At most {meeting.most} of {count} loaders were at work at once.",
        idea="Each loader has a thread of its own, so none waits until another has ended.",
    )


@kind("bounds")
def test_all_loaders_are_at_work_at_the_same_time(submission: Submission, rendezvous: Rendezvouses) -> None:
    """Six loaders are at work at the same time, and so are twelve"""
    for count in (6, 12):
        expect_all_met(submission, rendezvous(count), count)


@scenario
def warm_three(student: Any, failing: str) -> list[Any]:
    """Threads that had not ended when warm_all was left, and what it returned, in order, or that it raised."""
    caller = threading.current_thread()
    threads = []

    def loader(key: str) -> str:
        threads.append(threading.current_thread())
        pause()
        if key == failing:
            raise LookupError(f"{key} is down")
        return key.upper()

    try:
        values = student.warm_all({key: functools.partial(loader, key) for key in ("tea", "rum", "ale")})
        left = list(values.items()) if isinstance(values, dict) else type(values).__name__
    except BaseExceptionGroup:
        left = "raised"
    ended = [thread for thread in threads if thread is caller or not thread.is_alive()]
    return [3 - len(ended), left]


@kind("schedules")
def test_warm_all_waits_for_all_of_its_threads(explore: Explore) -> None:
    """warm_all returns when all of its threads have ended, and not before"""
    for running, _ in explore(warm_three, "", schedules=120, seconds=1.5):
        expect(
            running == 0,
            f"warm_all returned before {running} of its 3 threads had ended.",
            idea="start() returns at once. Which call waits for the end of a thread, and for which threads is it made?",
        )


@kind("schedules")
def test_each_key_gets_its_own_value(explore: Explore) -> None:
    """Each key gets the value of its own loader, in the order of the mapping"""
    for _, items in explore(warm_three, "", schedules=120, seconds=1.5):
        expect(isinstance(items, list), f"warm_all returned a {items}.", idea="A dictionary from key to value is due.")
        shown = ", ".join(f"{key}: {value}" for key, value in items)
        expect(
            sorted(items, key=repr) == [("ale", "ALE"), ("rum", "RUM"), ("tea", "TEA")],
            f"The loaders of tea, rum and ale return TEA, RUM and ALE; warm_all returned {{{shown}}}.",
            idea="A lambda looks its variables up when it runs, and by then the loop has gone on. "
            "Which key does each thread see?",
        )
        expect(
            [key for key, _ in items] == ["tea", "rum", "ale"],
            f"The mapping has the order tea, rum, ale; warm_all returned {{{shown}}}.",
            idea="The order in which threads end is no order. When do you put the values into the dictionary?",
        )


@scenario
def threads_of_loaders(student: Any) -> dict[str, Any]:
    seen = {}

    def loader(key: str) -> str:
        thread = threading.current_thread()
        seen[key] = (thread.name, thread.daemon)
        return key

    loaders = {key: functools.partial(loader, key) for key in ("prices", "stock", "top 10")}
    with ThreadPoolExecutor(1) as pool:  # its threads are no daemons, and a new thread is what its maker is
        pool.submit(student.warm_all, loaders).result()
    return seen


@kind("correctness")
def test_threads_are_named_after_their_keys(submission: Submission) -> None:
    """Every thread is named after its key, and none is a daemon"""
    seen = submission.run(threads_of_loaders)
    for key in ("prices", "stock", "top 10"):
        name, daemon = seen.get(key, ("no thread at all", False))
        expect(
            name == f"warm-{key}",
            f"The loader of {key!r} ran in {name!r}; 'warm-{key}' was due.",
            idea="A thread takes its name when it is made. It is what you will read in logs and stack dumps.",
        )
        expect(
            not daemon,
            f"The thread {name!r} is a daemon.",
            idea="Daemons are dropped in the middle of their work when the program ends. Who needs that here?",
        )


# -- ResultThread ------------------------------------------------------------------------------------


@scenario
def told(call: Any) -> Any:
    """What the call returned, or the name of the error that a result may raise."""
    try:
        return call()
    except (TimeoutError, RuntimeError) as error:
        if isinstance(error, NotImplementedError):
            raise
        return type(error).__name__


@scenario
def two_threads(student: Any) -> list[Any]:
    def bread() -> str:
        pause()
        return "bread"

    def milk() -> str:
        pause()
        return "milk"

    threads = [student.ResultThread(bread, name="bread"), student.ResultThread(milk, name="milk")]
    for thread in threads:
        thread.start()
    return [thread.result() for thread in threads]


@kind("schedules")
def test_a_reader_gets_the_value_of_each_thread(explore: Explore) -> None:
    """One reader of two threads gets the value of each, whoever is ready first"""
    for bread, milk in explore(two_threads, bound=2, schedules=300, seconds=1.5):
        expect(
            (bread, milk) == ("bread", "milk"),
            f"Two threads return 'bread' and 'milk'; their result() gave {bread!r} and {milk!r}.",
            idea="Whose is the place where `run` leaves its value, and what does result() wait for before it looks there?",
        )


@scenario
def any_callable(student: Any) -> list[Any]:
    class Menu:
        def __call__(self) -> str:
            return "called"

        def load(self) -> str:
            return "loaded"

    calls = [functools.partial(int, "12"), Menu(), Menu().load, dict, lambda: None, lambda: LookupError("a value")]
    values = []
    for call in calls:
        thread = student.ResultThread(call, name="menu")
        thread.start()
        try:
            value = thread.result()
        except Exception as error:
            if isinstance(error, NotImplementedError):
                raise
            value = f"raised {type(error).__name__}"
        values.append("an exception" if isinstance(value, LookupError) else value)
    return [isinstance(thread, threading.Thread) and thread.name, values]


@kind("correctness")
def test_any_callable_and_any_value_will_do(explore: Explore) -> None:
    """ResultThread is a named thread; any callable and any value will do"""
    for name, values in explore(any_callable, schedules=10):
        expect(
            name == "menu",
            f'ResultThread(fn, name="menu") made {f"a thread named {name!r}" if name else "no threading.Thread"}.',
            idea="threading.Thread has an __init__, too: who calls it, and with what?",
        )
        kinds = ("functools.partial", "an object with __call__", "a bound method", "a class", "None", "an exception")
        due = [12, "called", "loaded", {}, None, "an exception"]
        for kind_of_case, value, wanted in zip(kinds, values, due, strict=True):
            expect(
                value == wanted,
                f"{kind_of_case}: result() gave {value!r}; {wanted!r} was due.",
                idea="Anything may be returned, also None or an exception object. What tells a value from an error?",
            )


@scenario
def ask_again(student: Any) -> list[Any]:
    def bread() -> str:
        pause()
        return "bread"

    thread = student.ResultThread(bread, name="bread")
    thread.start()
    answers = together(thread.result, thread.result, names=("reader 1", "reader 2"))
    return [*answers, thread.result(), told(lambda: thread.result(0))]


@kind("correctness")
def test_a_result_can_be_asked_for_again(explore: Explore) -> None:
    """result() can be asked again, by several threads, and always gives the same"""
    for answers in explore(ask_again, schedules=100, seconds=1.0):
        expect(
            answers == ["bread"] * 4,
            f"A thread returned 'bread'. Two readers, then two more questions, got {', '.join(map(repr, answers))}.",
            idea="Asking for a result must not take it away.",
        )


@scenario
def ask_for_the_error(student: Any) -> list[Any]:
    error = LookupError("the price list is down")

    def loader() -> None:
        raise error

    thread = student.ResultThread(loader, name="prices")
    thread.start()
    answers = []
    for _ in range(2):
        try:
            answers.append(f"returned {thread.result()!r}")
        except Exception as raised:
            if isinstance(raised, NotImplementedError):
                raise
            answers.append("the same" if raised is error else f"raised {type(raised).__name__}({str(raised)!r})")
    return answers


@kind("correctness")
def test_result_raises_what_the_function_raised(submission: Submission) -> None:
    """result() raises the very exception that the function raised, each time"""
    for number, answer in enumerate(submission.run(ask_for_the_error), 1):
        expect(
            answer == "the same",
            f"The function raised LookupError('the price list is down'); result() {answer}, when asked "
            f"{'once' if number == 1 else 'twice'}. The same exception object was due.",
            idea=SILENT,
        )


@scenario
def ask_too_early(student: Any) -> list[Any]:
    def slow() -> str:
        time.sleep(10)
        return "bread"

    thread = student.ResultThread(slow, name="bread")
    thread.start()
    began = time.monotonic()
    answers = [told(lambda: thread.result(0)), told(lambda: thread.result(timeout=3))]
    waited = round(time.monotonic() - began, 2)
    answers.append(told(lambda: thread.result(timeout=60)))
    return [*answers, waited, round(time.monotonic() - began, 2)]


@kind("failure")
def test_result_gives_up_after_its_timeout(explore: Explore) -> None:
    """result(timeout) gives up after that time; the thread goes on and can be asked again"""
    for at_once, early, late, waited, whole in explore(ask_too_early, schedules=10):
        expect(
            at_once == "TimeoutError",
            f"The function takes 10 s: result(0) gave {at_once!r} after {waited:g} s; TimeoutError at once was due.",
            idea="join(timeout) returns None whether it gave up or not, and 0 is a timeout as well. Who tells you which it was?",
        )
        expect(
            early == "TimeoutError" and waited <= 4,
            f"The function takes 10 s: result(timeout=3) gave {early!r} after {waited:g} s; TimeoutError after 3 s was due.",
            idea="join(timeout) returns None whether it gave up or not. Who tells you which it was?",
        )
        expect(
            late == "bread" and whole <= 12,
            f"The function takes 10 s: asked again with timeout=60, result() gave {late!r} after {whole:g} s.",
            idea="Giving up waiting must not change the thread: it goes on, and its result comes later.",
        )


@scenario
def ask_without_start(student: Any, timeout: float | None) -> Any:
    thread = student.ResultThread(dict, name="idle")
    return told(lambda: thread.result(timeout))


@kind("failure")
def test_result_of_a_thread_that_was_not_started(explore: Explore) -> None:
    """result() of a thread that was never started is a RuntimeError at once"""
    for timeout in (3, None):  # the second one waits for ever if nobody looks
        for answer in explore(ask_without_start, timeout, schedules=5):
            expect(
                answer == "RuntimeError",
                f"The thread was never started: result(timeout={timeout}) gave {answer!r}.",
                idea="Nobody will ever bring this result. How does a thread know whether it was started, and what does join() do?",
            )


# -- failures of warm_all ------------------------------------------------------------------------------


@scenario
def warm_with_failures(student: Any, keys: list[str], failing: list[str]) -> dict[str, Any]:
    """What came out of warm_all when some loaders fail; the one of "exit" calls sys.exit(3)."""
    errors: dict[str, BaseException] = {key: LookupError(f"{key} is down") for key in failing}

    def loader(key: str) -> str:
        pause()
        if key == "exit":
            try:
                sys.exit(3)
            except SystemExit as error:
                errors[key] = error
                raise
        if key in errors:
            raise errors[key]
        return key.upper()

    try:
        values = student.warm_all({key: functools.partial(loader, key) for key in keys})
    except NotImplementedError:
        raise
    except BaseException as error:
        parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        names = {id(error): key for key, error in errors.items()}
        return {
            "raised": type(error).__name__,
            "is a group": isinstance(error, BaseExceptionGroup),
            "message": str(getattr(error, "message", error)),
            "keys": [names.get(id(part), f"a new {type(part).__name__}") for part in parts],
            "notes": [[str(note) for note in getattr(part, "__notes__", [])] for part in parts],
        }
    return {"returned": repr(values)}


def expect_group(
    found: dict[str, Any],
    story: str,
    keys: list[str],
    idea: str = "Each failed loader's own exception belongs into the group: not a new one, and none left out.",
) -> None:
    expect(
        "returned" not in found,
        f"{story}; warm_all returned {str(found.get('returned'))[:80]} as if all were well.",
        idea=SILENT,
    )
    expect(
        found["is a group"],
        f"{story}; warm_all raised {found['raised']}: {found['message'][:80]}.",
        idea='All failures come at once, in one BaseExceptionGroup("warm_all", [...]), also if there is only one.',
    )
    expect(
        found["message"] == "warm_all",
        f"{story}; the message of the exception group is {found['message']!r}, 'warm_all' was due.",
        idea='BaseExceptionGroup("warm_all", [...])',
    )
    shown = ", ".join(found["keys"])
    expect(
        sorted(found["keys"]) == sorted(keys),
        f"{story}; the exception group holds the exceptions of: {shown or 'nobody'}.",
        idea=idea,
    )
    expect(
        found["keys"] == keys,
        f"{story}; the exception group holds the exceptions of {shown}, in this order.",
        idea="The order in which threads fail is no order. When do you collect the exceptions?",
    )


@kind("failure")
def test_a_failed_loader_is_reported(submission: Submission) -> None:
    """A loader that fails is reported by an exception group that holds its exception"""
    found = submission.run(warm_with_failures, ["tea", "rum", "ale"], ["rum"])
    expect_group(found, "Of three loaders the one of 'rum' raised LookupError", ["rum"])


@scenario
def printed_by_failures(student: Any) -> str:
    def fail() -> None:
        raise LookupError("the price list is down")

    hook, threading.excepthook = threading.excepthook, threading.__excepthook__  # as in a program of one's own
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), contextlib.suppress(BaseExceptionGroup):
            student.warm_all({"prices": fail, "stock": dict})
    finally:
        threading.excepthook = hook
    return printed.getvalue()


@kind("failure")
def test_failures_are_not_printed(submission: Submission) -> None:
    """A failure is told by the exception alone: nothing is printed to stderr"""
    printed = submission.run(printed_by_failures).strip().splitlines()
    expect(
        not printed,
        f"A loader failed, and {len(printed)} lines appeared on stderr: {printed[0][:60] if printed else ''} ...",
        idea="What leaves `run` is printed by threading.excepthook. Who is told of the failure twice now?",
    )


@kind("schedules")
def test_a_failure_waits_for_the_others(explore: Explore) -> None:
    """When a loader fails, the others run to their end before the exception comes"""
    for running, found in explore(warm_three, "tea", schedules=120, seconds=1.5):
        expect(found == "raised", "A loader failed, and warm_all raised no exception group.", idea=SILENT)
        expect(
            running == 0,
            f"warm_all raised while threads were still running: {running} of 3.",
            idea="Who waits for the other threads once the first exception is on its way? Wait for all, then look.",
        )


@kind("schedules")
def test_all_failures_come_in_order_with_notes(explore: Explore) -> None:
    """All failures come in the order of the mapping, each with the key in a note"""
    for found in explore(warm_with_failures, ["tea", "rum", "ale"], ["tea", "ale"], schedules=120, seconds=1.5):
        expect_group(found, "Of the loaders of tea, rum and ale the first and the last failed", ["tea", "ale"])
        due = ["loader: tea", "loader: ale"]
        expect(
            all(note in notes for note, notes in zip(due, found["notes"], strict=True)),
            f"The exceptions of tea and ale have the notes {found['notes'][0]} and {found['notes'][1]}.",
            idea="error.add_note(f'loader: {key}') tells the operator which cache stayed cold.",
        )


@kind("failure")
def test_a_loader_that_exits_has_failed(submission: Submission) -> None:
    """A loader that calls sys.exit() has failed"""
    found = submission.run(warm_with_failures, ["rum", "exit", "ale"], ["rum"])
    expect_group(
        found,
        "The loader of 'rum' raised LookupError, the one of 'exit' called sys.exit(3)",
        ["rum", "exit"],
        idea="sys.exit() raises SystemExit. Which `except` catches it, and what does a thread do that nobody stops?",
    )


# -- all together --------------------------------------------------------------------------------------


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """No thread is left after success and after failure"""
    submission.run(threads_of_loaders)
    submission.run(warm_with_failures, ["rum", "exit", "ale"], ["rum"])
    submission.finish().expect_none()


@kind("speedup")
def test_eight_loaders_take_hardly_longer_than_one(
    submission: Submission, speedup: Speedup, rng: random.Random
) -> None:
    """Eight loaders of 60 ms each are done at least 2.5 times as fast as one after the other"""

    def back_end(value: int) -> Any:
        def load() -> int:
            time.sleep(0.06)  # what the back end takes
            return value

        return load

    def fresh() -> dict[str, Any]:
        return {f"cache {number}": back_end(rng.randrange(1 << 40)) for number in range(8)}

    speedup.latency(
        fresh=fresh,
        baseline=lambda loaders: {key: load() for key, load in loaders.items()},
        attempt=lambda loaders: submission.timed("warm_all", loaders),
        at_least=2.5,
    )
