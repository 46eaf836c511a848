"""Checks of dashboard_gather. Where time matters it is virtual; threads that block are let go by events."""

from __future__ import annotations

import asyncio
import functools
import linecache
import random
import sys
import threading
import time
from typing import Any

from grader.explore.tasks import choose
from grader.judge import Explore, Speedup, Submission, expect, kind, records, scenario

EXERCISE = "dashboard_gather"
ONE_BY_ONE = "At which line does panel 2 start, and what is panel 1 doing then?"
ERRORS_ARE_DATA = "An error of one panel is a result. Where is it caught: around one source, or around all of them?"
OWN_TIMEOUT = "The timeout belongs to one panel: `asyncio.timeout` around the one await of its source."
CANCELLED = (
    "CancelledError is no error of a panel: somebody wants all of this to end. Which `except` of yours catches it?"
)


# -- inside the submission -------------------------------------------------------------------------


@scenario
def plain(value: Any) -> Any:
    """The value itself if it can be sent, else what it is."""
    known = isinstance(value, str | int | float | list | dict | None)
    return value if known else f"<{type(value).__name__} object>"


@scenario
def rows(panels: Any) -> list[tuple[str, Any, str | None]]:
    """Panels without their times, which differ from run to run."""
    return [(panel.name, plain(panel.value), panel.error) for panel in panels]


@scenario
async def loaded(student: Any, panels: Any, **options: Any) -> tuple[str, Any, float]:
    """("", panels, seconds), or (what was raised, [], seconds), by the loop's clock."""
    loop = asyncio.get_running_loop()
    began, raised, result = loop.time(), "", []
    try:
        result = rows(await student.load_dashboard(panels, **options))
    except NotImplementedError:
        raise
    except BaseExceptionGroup as group:
        raised = f"{type(group).__name__} with {', '.join(type(error).__name__ for error in group.exceptions)}"
    except (Exception, asyncio.CancelledError) as error:
        raised = type(error).__name__
    return raised, result, round(loop.time() - began, 6)


@scenario
class Sources:
    """Panel sources that take down who began and who ended; `cleanup` is how long their `finally` takes."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.most = 0

    def panel(self, name: str, seconds: float, cleanup: float = 0.0) -> Any:
        async def load() -> str:
            self._enter(name)
            try:
                await asyncio.sleep(seconds)
                return name
            finally:
                try:
                    if cleanup:
                        await asyncio.sleep(cleanup)
                finally:
                    self.ended.append(name)

        return load

    def blocking(self, name: str, seconds: float) -> Any:
        def load() -> str:
            self._enter(name)
            time.sleep(seconds)
            self.ended.append(name)
            return name

        return load

    def open(self) -> list[str]:
        return sorted(set(self.begun) - set(self.ended))

    def _enter(self, name: str) -> None:
        self.begun.append(name)
        self.most = max(self.most, len(self.begun) - len(self.ended))


@scenario
async def ending(task: Any) -> str:
    """How a task ends."""
    await asyncio.wait({task})
    if task.cancelled():
        return "CancelledError"
    error = task.exception()
    if isinstance(error, NotImplementedError):
        raise error
    return type(error).__name__ if error else f"it returned {rows(task.result())}"


def panels_of(result: Any) -> list[Any]:
    return records(result, "Panel", name=str, value=object, error=(str, type(None)), elapsed=(int, float))


# -- values ----------------------------------------------------------------------------------------


@scenario
async def three_panels(student: Any, values: dict[str, Any]) -> tuple[Any, list[str]]:
    asked = []

    def source(name: str) -> Any:
        async def load() -> Any:
            asked.append(name)
            await asyncio.sleep(0)
            return values[name]

        return load

    panels = await student.load_dashboard({name: source(name) for name in values})
    for panel in panels:
        if plain(panel.value) != panel.value:
            return rows(panels), asked
    return panels, asked


@kind("correctness")
def test_each_panel_has_the_value_of_its_source(submission: Submission, rng: random.Random) -> None:
    """Each panel has its name, the value of its source and no error; each source is asked once"""
    values = {"orders": rng.randrange(10**9), "visitors": [rng.random(), None], "note": None}
    result, asked = submission.run(three_panels, values)
    if result and isinstance(result[0], tuple):
        name, value, _ = next(row for row in result if isinstance(row[1], str))
        expect(
            False,
            f"The value of panel {name!r} is a {value}.",
            idea="Calling a coroutine function only makes a coroutine. What has to happen before there is a value?",
        )
    panels = panels_of(result)
    names = [panel.name for panel in panels]
    expect(
        sorted(names) == sorted(values),
        f"The panels {', '.join(values)} were asked for; the result has {', '.join(names)}.",
        idea="One Panel for each entry of the mapping, under its name.",
    )
    for panel in panels:
        expect(
            panel.error is None and panel.value == values[panel.name],
            f"The source of {panel.name!r} returned {values[panel.name]!r}; its Panel has the value {panel.value!r} and "
            f"the error {panel.error!r}.",
            idea="A value is passed on as it is, also None; `error` is None when nothing went wrong.",
        )
    expect(
        sorted(asked) == sorted(values),
        f"Three sources were asked {len(asked)} times: {', '.join(asked)}.",
        idea="Every call of a source is a request to a service. Call once and keep what came back.",
    )


@scenario
async def later_ones_first(student: Any) -> tuple[str, Any, float]:
    sources = Sources()
    return await loaded(student, {name: sources.panel(name, (5 - i) / 10) for i, name in enumerate("dacbe")})


@kind("correctness")
def test_panels_keep_the_order_of_the_mapping(explore: Explore) -> None:
    """The panels come back in the order of the mapping, whichever is ready first"""
    for raised, result, _ in explore.tasks(later_ones_first, schedules=10):
        order = "".join(name for name, _, _ in result)
        expect(
            order == "dacbe",
            f"The mapping had the panels d, a, c, b, e; the result has {', '.join(order) or raised or 'none'}.",
            idea="The first panel that is ready need not be the first on the page. What remembers which is which?",
        )


@scenario
async def no_panels(student: Any) -> tuple[str, Any, float]:
    return await loaded(student, {})


@kind("correctness")
def test_no_panels_give_an_empty_list(explore: Explore) -> None:
    """No panels: an empty list, at once"""
    for raised, result, seconds in explore.tasks(no_panels, schedules=5):
        expect(
            not raised and result == [] and seconds == 0,
            f"load_dashboard({{}}) raised {raised}."
            if raised
            else f"load_dashboard({{}}) took {seconds:g} s: {result}",
            idea="What do you wait for, and how many threads do you ask for, when there is no panel?",
        )


@scenario
async def loops_of_sources(student: Any) -> list[tuple[str, Any, str | None]]:
    here = asyncio.get_running_loop()

    async def load(_: str = "") -> str:
        await asyncio.sleep(0)
        return "same" if asyncio.get_running_loop() is here else "other"

    return rows(await student.load_dashboard({"visitors": load, "orders": functools.partial(load, "today")}))


@kind("rule")
def test_async_sources_run_on_the_callers_loop(submission: Submission) -> None:
    """Coroutines run on the event loop of the caller, not on loops of their own in threads"""
    for name, value, error in submission.run(loops_of_sources):
        expect(
            value == "same",
            f"The coroutine of {name!r} ran on another event loop than load_dashboard."
            if value == "other"
            else f"Panel {name!r} has the value {value!r} and the error {error!r}.",
            idea="Its sessions, locks and connections belong to the loop of the caller. Who needs a thread, and who does not?",
        )


# -- together --------------------------------------------------------------------------------------


@scenario
async def ten_panels(student: Any) -> tuple[int, float, str]:
    sources = Sources()
    raised, _, seconds = await loaded(student, {f"{i}": sources.panel(f"{i}", 0.3) for i in range(10)})
    return sources.most, seconds, raised


@kind("bounds")
def test_ten_panels_wait_together(explore: Explore) -> None:
    """Ten panels are asked at the same time: all together take as long as one"""
    for most, seconds, raised in explore.tasks(ten_panels, schedules=10):
        expect(
            most == 10 and seconds < 0.31,
            f"Ten panels of 0.3 s each: {most} were on their way at once, and all together took {seconds:.2g} s"
            + (f"; load_dashboard raised {raised}." if raised else "."),
            idea=ONE_BY_ONE,
        )


@scenario
async def blocking_beside_a_task(student: Any) -> tuple[Any, list[str]]:
    """Blocking panels that a task of the same loop lets go: (panels, where the loop stood still meanwhile)."""
    loop_thread, stood = threading.get_ident(), []
    asked, free = threading.Event(), threading.Event()

    def load() -> bool:
        asked.set()
        if not free.wait(2.0):
            stood.append(line_of(student, loop_thread))
        return free.is_set()

    async def let_go() -> None:
        while not asked.is_set():
            await asyncio.sleep(0.005)
        free.set()

    helper = asyncio.create_task(let_go())
    try:
        panels = await student.load_dashboard({"billing": load, "stock": load}, timeout=4.0)
    finally:
        asked.set()
        await helper
    return rows(panels), stood


@scenario
def line_of(student: Any, thread: int) -> str:
    """The line of the student's file in which a thread is."""
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code.co_filename != student.__file__:
        frame = frame.f_back
    if frame is None:
        return ""
    source = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return f" at line {frame.f_lineno}: {source}"


@kind("bounds")
def test_a_blocking_panel_does_not_stop_the_event_loop(submission: Submission) -> None:
    """While blocking panels wait, other tasks of the same loop go on"""
    panels, stood = submission.run(blocking_beside_a_task)
    expect(
        not stood,
        f"While a blocking panel waited, the event loop stood still{stood[0] if stood else ''}",
        idea="One thread runs all coroutines; whoever blocks it stops them all. Where else could a blocking call wait?",
    )
    expect(
        [(value, error) for _, value, error in panels] == [(True, None)] * 2,
        f"Two blocking sources returned True; their Panels (name, value, error): {panels}.",
        idea="How does what a thread found out reach the event loop, and what wakes the loop up?",
    )


@scenario
async def forty_blocking_panels(student: Any) -> tuple[int, float, str]:
    sources = Sources()
    panels = {f"{i}": sources.blocking(f"{i}", 0.3) for i in range(40)}
    raised, _, seconds = await loaded(student, panels, timeout=1.0)
    return sources.most, seconds, raised


@kind("bounds")
def test_forty_blocking_panels_wait_together(explore: Explore) -> None:
    """Forty blocking panels, too, take as long as one"""
    for most, seconds, raised in explore.tasks(forty_blocking_panels, schedules=1):
        expect(
            most == 40 and seconds < 0.4,
            f"Forty blocking panels of 0.3 s: {most} were on their way at once, and all together took {seconds:.2g} s"
            + (f"; load_dashboard raised {raised}." if raised else "."),
            idea="How many threads has the pool that they wait in? asyncio.to_thread's has min(32, processors + 4)."
            if most < 40
            else "All threads were at work at once. What wakes the event loop when one of them has its result?",
        )


@scenario
class Ready:
    """Awaitable, but no coroutine."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.value


@scenario
class Client:
    """`client.visitors`, `client` itself and `client.later` are sources."""

    async def visitors(self) -> str:
        await asyncio.sleep(0)
        return "visitors"

    async def __call__(self) -> str:
        await asyncio.sleep(0)
        return "client"

    def later(self) -> Any:
        return Ready("later")


@scenario
async def all_kinds_of_sources(student: Any) -> list[tuple[str, Any, str | None]]:
    async def greet(name: str) -> str:
        await asyncio.sleep(0)
        return name

    client = Client()
    sources = {
        "a functools.partial of a coroutine function": functools.partial(greet, "Ada"),
        "a functools.partial of a plain function": functools.partial(str.upper, "ada"),
        "an async method": client.visitors,
        "a lambda that returns a coroutine": lambda: greet("Bob"),
        "an object with an async __call__": client,
        "a method that returns an awaitable object": client.later,
    }
    return rows(await student.load_dashboard(sources))


@kind("correctness")
def test_all_kinds_of_sources_give_their_values(submission: Submission) -> None:
    """Partials, methods, lambdas and objects work as sources; what they return is awaited if it is awaitable"""
    due = ["Ada", "ADA", "visitors", "Bob", "client", "later"]
    for (name, value, error), wanted in zip(submission.run(all_kinds_of_sources), due, strict=True):
        expect(
            value == wanted and error is None,
            f"The source was {name}: value {value!r}, error {error!r}; {wanted!r} was due.",
            idea="You see only after the call whether there is something to await. inspect.isawaitable knows all kinds.",
        )


# -- errors ----------------------------------------------------------------------------------------


@scenario
async def failing_panels(student: Any) -> tuple[str, Any, float]:
    class OutOfPaperError(Exception):
        pass

    async def broken() -> None:
        await asyncio.sleep(0.1)
        raise OutOfPaperError("no paper left")

    def refused() -> None:
        raise ConnectionRefusedError(111, "refused")

    sources = Sources()
    panels = {"orders": sources.panel("orders", 0.2), "printer": broken, "billing": refused}
    return await loaded(student, {**panels, "stock": sources.blocking("stock", 0.2)})


@kind("failure")
def test_a_failing_panel_says_so_and_disturbs_no_other(explore: Explore) -> None:
    """A source that raises becomes a Panel with the name of the exception's class; the others are not disturbed"""
    due = {
        "orders": ("orders", None),
        "printer": (None, "OutOfPaperError"),
        "billing": (None, "ConnectionRefusedError"),
        "stock": ("stock", None),
    }
    for raised, result, _ in explore.tasks(failing_panels, schedules=8, seconds=1.0, check_leaks=False):
        expect(not raised, f"Two of four sources failed, and load_dashboard raised {raised}.", idea=ERRORS_ARE_DATA)
        for name, value, error in result:
            expect(
                (value, error) == due.get(name),
                f"Panel {name!r} has the value {value!r} and the error {error!r}; {due.get(name)} was due.",
                idea=ERRORS_ARE_DATA,
            )


@scenario
async def timeout_of_a_source(student: Any) -> tuple[str, Any, float]:
    async def impatient() -> None:
        async with asyncio.timeout(0.1):
            await asyncio.sleep(1)

    def impatient_thread() -> None:
        raise TimeoutError("no answer from the old client")

    return await loaded(student, {"stock": impatient, "billing": impatient_thread}, timeout=1.0)


@kind("failure")
def test_a_sources_own_timeout_error_is_an_error_like_others(explore: Explore) -> None:
    """A TimeoutError of a source that is not late is "TimeoutError", not "timeout" """
    for raised, result, _ in explore.tasks(timeout_of_a_source, schedules=5):
        expect(
            not raised, f"Two sources raised TimeoutError, and load_dashboard raised {raised}.", idea=ERRORS_ARE_DATA
        )
        for name, _, error in result:
            expect(
                error == "TimeoutError",
                f"Source {name!r} raised TimeoutError after at most 0.1 s of 1 s; its error is {error!r}.",
                idea="'timeout' means that this page's patience ended. Who raised this TimeoutError: you or the source?",
            )


@scenario
async def a_late_panel(student: Any, limit: float | None) -> tuple[str, Any, float]:
    options = {} if limit is None else {"timeout": limit}
    seconds, sources = limit or 1.0, Sources()
    panels = {
        "orders": sources.panel("orders", 0.9 * seconds),
        "news": sources.panel("news", 3600),
        "note": sources.panel("note", 0),
    }
    return await loaded(student, panels, **options)


@kind("failure")
def test_a_late_panel_times_out_alone(explore: Explore) -> None:
    """A panel that takes longer than `timeout` has the error "timeout", exactly then; the others arrive"""
    for limit in (None, 0.25, 5.0):
        seconds = limit or 1.0
        for raised, result, took in explore.tasks(a_late_panel, limit, schedules=5, check_leaks=False):
            called = "the default timeout of 1 s" if limit is None else f"timeout={limit:g}"
            expect(
                not raised,
                f"One of three panels is late, and load_dashboard raised {raised}.",
                idea=OWN_TIMEOUT,
            )
            errors = {name: error for name, _, error in result}
            expect(
                errors == {"orders": None, "news": "timeout", "note": None},
                f"With {called} only 'news' is late; the errors are {errors}.",
                idea=OWN_TIMEOUT,
            )
            expect(
                abs(took - seconds) < 1e-4,
                f"With {called} one panel is late; load_dashboard took {took:g} s.",
                idea="Nobody waits longer than the timeout, and nobody gives up before it.",
            )
            expect(
                {name: value for name, value, _ in result} == {"orders": "orders", "news": None, "note": "note"},
                f"One of three panels is late; (name, value, error): {result}.",
                idea="A late panel has the value None; those in time keep theirs.",
            )


@scenario
async def late_awaitables(student: Any) -> tuple[str, Any, float]:
    class Slow:
        async def __call__(self) -> None:
            await asyncio.sleep(3600)

    return await loaded(student, {"object": Slow(), "lambda": lambda: asyncio.sleep(3600)}, timeout=0.5)


@kind("failure")
def test_what_a_source_returned_can_be_late_too(explore: Explore) -> None:
    """The timeout also holds for awaitables that a callable returned"""
    for raised, result, took in explore.tasks(late_awaitables, schedules=5, check_leaks=False):
        errors = [error for _, _, error in result]
        expect(
            errors == ["timeout", "timeout"] and took < 0.6,
            f"Two callables returned awaitables that take an hour; timeout=0.5: errors {errors}{raised}, after {took:g} s.",
            idea="The call was quick, the await is not. Which of the two is inside your timeout?",
        )


@scenario
async def late_panels_with_cleanup(student: Any) -> tuple[str, list[str], list[str], float]:
    sources = Sources()
    panels = {"news": sources.panel("news", 3600), "stock": sources.panel("stock", 3600, cleanup=0.2)}
    raised, result, seconds = await loaded(student, panels, timeout=0.5)
    return raised, [error or "" for _, _, error in result], sources.open(), seconds


@kind("failure")
def test_late_panels_are_cancelled_and_clean_up(explore: Explore) -> None:
    """A late coroutine is cancelled, and its cleanup is over when load_dashboard returns"""
    for raised, errors, still_open, _ in explore.tasks(late_panels_with_cleanup, schedules=5, check_leaks=False):
        expect(
            not still_open,
            f"load_dashboard returned, and the late sources of {' and '.join(still_open)} were still running.",
            idea="Nobody wants its result any more: who tells the source, and who waits until it has cleaned up?",
        )
        expect(
            errors == ["timeout", "timeout"],
            f"Two sources were late and cleaned up; their errors are {errors}{raised}.",
            idea="A panel that was late stays late, however long its cleanup takes.",
        )


@scenario
async def a_late_thread(student: Any) -> tuple[list[tuple[str, Any, str | None]], list[str]]:
    """A blocking source that ends when load_dashboard has returned: (panels, where the loop waited for it)."""
    loop_thread, free, stood = threading.get_ident(), threading.Event(), []

    def hanging() -> str:
        if not free.wait(3.0):
            stood.append(line_of(student, loop_thread))
        return "too late"

    async def quick() -> str:
        return "quick"

    try:
        return rows(await student.load_dashboard({"billing": hanging, "note": quick}, timeout=0.2)), stood
    finally:
        free.set()


@kind("failure")
def test_nobody_waits_for_a_late_thread(submission: Submission) -> None:
    """A blocking source that is late has the error "timeout"; nobody waits until its thread has ended"""
    result, stood = submission.run(a_late_thread)
    expect(
        not stood,
        f"A blocking panel was late (timeout=0.2), and load_dashboard waited for its thread{stood[0] if stood else ''}",
        idea="A thread cannot be cancelled. Which line of yours comes to an end only when all threads have?",
    )
    expect(
        result == [("billing", None, "timeout"), ("note", "quick", None)],
        f"A blocking panel was late, the other was not; (name, value, error): {result}.",
        idea=OWN_TIMEOUT,
    )


@scenario
async def late_threads_end(student: Any) -> tuple[str, Any, float, list[str]]:
    complaints: list[str] = []

    def complain(_: Any, context: dict[str, Any]) -> None:
        complaints.append(f"{context.get('message')}: {type(context.get('exception')).__name__}")

    def failing() -> None:
        time.sleep(2)
        raise OSError("too late")

    asyncio.get_running_loop().set_exception_handler(complain)
    panels = {"billing": Sources().blocking("billing", 2), "stock": failing, "note": lambda: "note"}
    raised, result, seconds = await loaded(student, panels, timeout=0.5)
    await asyncio.sleep(5)
    return raised, result, seconds, complaints


@kind("failure")
def test_what_a_late_thread_returns_is_ignored(explore: Explore) -> None:
    """When a late thread ends at last, with a value or an error, nothing happens any more"""
    for raised, result, seconds, complaints in explore.tasks(late_threads_end, schedules=8, seconds=1.0):
        expect(
            [error for _, _, error in result] == ["timeout", "timeout", None] and seconds < 0.6,
            f"Two of three blocking panels are late (timeout=0.5): {result}{raised}, after {seconds:g} s.",
            idea=OWN_TIMEOUT,
        )
        expect(
            not complaints,
            f"A late thread ended after load_dashboard had returned, and the event loop complained: {complaints[:1]}",
            idea="The one that waited for this result is gone. Who looks whether anybody still wants it?",
        )


# -- cancelling ------------------------------------------------------------------------------------


@scenario
async def cancelled_dashboard(student: Any) -> tuple[str, list[str], list[str]]:
    sources = Sources()
    cleanups = {"orders": 0.1, "news": 0.3, "stock": 0.0}
    panels = {name: sources.panel(name, 3, cleanup) for name, cleanup in cleanups.items()}
    dashboard = asyncio.create_task(student.load_dashboard(panels, timeout=5))
    await asyncio.sleep(1)
    dashboard.cancel()
    how = await ending(dashboard)
    return how, sources.begun, sources.open()


@kind("failure")
def test_cancelling_the_dashboard_cancels_its_panels(explore: Explore) -> None:
    """A cancelled load_dashboard cancels its panels, waits until they have cleaned up, and ends with CancelledError"""
    for how, begun, still_open in explore.tasks(cancelled_dashboard, schedules=5, check_leaks=False):
        expect(
            how == "CancelledError",
            f"load_dashboard was cancelled while three panels were on their way; what happened: {how}.",
            idea=CANCELLED,
        )
        expect(
            not still_open,
            f"load_dashboard was cancelled and ended; {len(still_open)} of {len(begun)} sources were still running: "
            f"{', '.join(still_open)}.",
            idea="A task does not end with the coroutine that started it. Who cancels it, and who waits for its `finally`?",
        )


@scenario
async def a_source_that_was_cancelled(student: Any) -> tuple[str, list[str]]:
    async def gone() -> None:
        await asyncio.sleep(0.1)
        raise asyncio.CancelledError

    sources = Sources()
    raised, result, _ = await loaded(student, {"news": gone, "stock": sources.panel("stock", 0.5)})
    return raised or f"it returned {result}", sources.open()


@kind("failure")
def test_cancelled_error_is_never_a_panel(explore: Explore) -> None:
    """When a source itself raises CancelledError, load_dashboard does so too, and no panel is left running"""
    for how, still_open in explore.tasks(a_source_that_was_cancelled, schedules=5, check_leaks=False):
        expect(
            how == "CancelledError",
            f"A source raised CancelledError; load_dashboard: {how}.",
            idea="Cancelled is neither a value nor an error of a panel. How do results tell you, and who passes it on?",
        )
        expect(
            not still_open,
            f"load_dashboard raised CancelledError and left {', '.join(still_open)} running.",
            idea="Whatever gets out of load_dashboard, and whenever: no panel goes on alone.",
        )


@scenario
async def cancelled_anywhere(student: Any) -> tuple[bool, str, list[str]]:
    sources = Sources()
    seconds = choose([(0, 0.1, 3600), (3600, 0, 0.1), (0.1, 3600, 0)])
    panels = {
        name: sources.panel(name, wait, cleanup=0.02 if wait < 1 else 0)
        for name, wait in zip(("orders", "news", "stock"), seconds, strict=True)
    }
    dashboard = asyncio.create_task(student.load_dashboard(panels, timeout=0.13), name="dashboard")
    how = await ending(dashboard)
    return dashboard.cancelling() > 0, how, sources.open()


@kind("schedules")
def test_whenever_it_is_cancelled_no_panel_is_left(explore: Explore) -> None:
    """Wherever load_dashboard is cancelled, and in whatever order panels end: every source that began has ended"""
    exploration = explore.tasks(
        cancelled_anywhere, cancel="dashboard", timer_jitter=True, schedules=60, seconds=1.5, check_leaks=False
    )
    for cancelled, how, still_open in exploration:
        expect(
            not still_open,
            f"load_dashboard ended ({how}); still running: {', '.join(still_open)}.",
            idea="List every `await` of yours. A cancellation arrives here: which panels are running, and who ends them?",
        )
        expect(
            how == "CancelledError" or not cancelled,
            f"load_dashboard was cancelled; what happened: {how}.",
            idea=CANCELLED,
        )
        expect(
            cancelled or how.startswith("it returned"),
            f"Nobody cancelled load_dashboard, and it raised {how}.",
            idea="Two of three panels are in time, one is late. Which of them ended everything?",
        )


@scenario
async def measured_panels(student: Any) -> list[tuple[str, Any]]:
    async def quick() -> str:
        return "quick"

    async def broken() -> None:
        raise ValueError

    async def half() -> None:
        await asyncio.sleep(0.5)

    async def late() -> None:
        await asyncio.sleep(60)

    panels = {"quick": quick, "broken": broken, "half": half, "blocking": lambda: time.sleep(0.5), "late": late}
    return [(panel.name, panel.elapsed) for panel in await student.load_dashboard(panels, timeout=0.8)]


@kind("correctness")
def test_elapsed_is_the_time_of_each_panel(explore: Explore) -> None:
    """`elapsed` says how many seconds each panel took, also when it failed or was late"""
    due = {"quick": 0, "broken": 0, "half": 0.5, "blocking": 0.5, "late": 0.8}
    for panels in explore.tasks(measured_panels, schedules=1, check_leaks=False):
        for name, elapsed in panels:
            expect(
                isinstance(elapsed, float | int) and abs(elapsed - due[name]) < 0.05,
                f"Panel {name!r} took {due[name]:g} s{', until its timeout' if name == 'late' else ''}; its elapsed is "
                f"{plain_number(elapsed)}.",
                idea="Seconds from the start of this panel to its end, by a clock that is never set back.",
            )


def plain_number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float | int) else repr(value)


# -- real time -------------------------------------------------------------------------------------


@scenario
async def a_typical_page(student: Any) -> list[str]:
    """Debug mode is on: what the event loop complained about."""
    complaints: list[str] = []
    free = threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.set_exception_handler(lambda _, context: complaints.append(str(context.get("message"))))

    async def late() -> None:
        await asyncio.sleep(60)

    async def broken() -> None:
        raise ValueError("broken")

    panels = {"late": late, "broken": broken, "old": lambda: "old", "slow": lambda: free.wait(5), "gone": {}.popitem}
    await student.load_dashboard(panels, timeout=0.2)
    free.set()
    await student.load_dashboard({"note": lambda: asyncio.sleep(0)})
    return complaints


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """After a page with good, failing and late panels no task, thread or warning is left"""
    complaints = submission.run(a_typical_page)
    expect(
        not complaints,
        f"The event loop complained: {'; '.join(complaints[:2])}.",
        idea="Every task is awaited by somebody, and so is its exception.",
    )
    submission.finish().expect_none()


@scenario
async def page_of_ten(student: Any, values: list[int]) -> list[int]:
    def source(value: int, blocks: bool) -> Any:
        def ask() -> int:
            time.sleep(0.08)
            return value

        async def wait() -> int:
            await asyncio.sleep(0.08)
            return value

        return ask if blocks else wait

    panels = {f"{i}": source(value, blocks=i in (3, 7)) for i, value in enumerate(values)}
    return [panel.value for panel in await student.load_dashboard(panels)]


@kind("speedup")
def test_ten_panels_load_faster_than_one_by_one(submission: Submission, speedup: Speedup, rng: random.Random) -> None:
    """Ten panels of 80 ms each, two of them blocking, at least 3 times as fast as one after the other"""

    def one_by_one(values: list[int]) -> list[int]:
        for _ in values:
            time.sleep(0.08)
        return values

    speedup.latency(
        fresh=lambda: [rng.randrange(10**9) for _ in range(10)],
        baseline=one_by_one,
        attempt=lambda values: submission.timed(page_of_ten, values),
        at_least=3.0,
    )
