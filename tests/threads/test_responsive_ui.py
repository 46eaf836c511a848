"""Checks of responsive_ui. The thread of a scenario is the UI thread; what the window shows is noted with its time."""

from __future__ import annotations

import importlib
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from grader.explore import pause, scheduler
from grader.judge import Explore, Inconclusive, Submission, expect, kind, scenario

EXERCISE = "responsive_ui"
LATE = 0.15  # seconds; the README says a tenth
AT_ONCE = 10  # ms that a handler may take
SLIP = 60  # ms that a tick may be late
MOST_MOVES = 33  # of the bar in any half second; the README says 60 a second
OWNER = (
    "Which of your functions run in the worker? They may fill a queue or a variable; who empties it, in which thread?"
)
STALE = "How does a message tell to which run it belongs, and who compares that with the run of now?"
OWN_FLAG = "What does the flag of the old run have to do with the new one?"
ONE_END = "Who decides how a run ends, and in which thread? Only the first decision counts."
CALLER = "Which thread calls analyse? A plain call, also of a thread's `run()`, is done by the one who calls."
NOBODY_WAITS = "A handler starts things and returns. Which of your lines waits for something, and for what?"


# -- inside the submission -------------------------------------------------------------------------------------------


@scenario
class Window:
    """A window with its controller. `shown`: [ms, "label" or "bar", value]; `misuse`: who broke the rule of the UI thread."""

    def __init__(self, student: Any, analyse: Any, painted: Any = None) -> None:
        ui = importlib.import_module("ui")
        self.began = time.monotonic()
        self.shown: list[Any] = []
        self.misuse: list[str] = []
        self.painted = painted
        self.app = ui.App(self._paint)
        self.view = ui.AnalyseView(self.app)
        self.controller = student.AnalyseController(self.app, self.view, analyse) if student else None

    def now(self) -> int:
        return round(1000 * (time.monotonic() - self.began))

    def _paint(self, widget: str, value: Any) -> None:
        if widget == "wrong thread":
            self.misuse.append(value)
        else:
            self.shown.append([self.now(), widget, value if isinstance(value, int | str) else float(value)])
            if self.painted is not None:
                self.painted(value)

    def start(self, *files: str) -> None:
        self.controller.on_start(list(files))

    def cancel(self) -> None:
        self.controller.on_cancel()

    def wait(self, ms: int) -> None:
        """Let the window live for so long."""
        self.app.after(ms, self.app.quit)
        self.app.run()

    def until_end(self, ms: int) -> None:
        """Let the window live until the label shows the end of a run, at most for so long."""
        end = self.now() + ms
        while not self.label.startswith(("done: ", "failed: ", "cancelled")) and self.now() < end:
            self.wait(5)

    @property
    def label(self) -> str:
        return str(self.view.label.text)

    @property
    def state(self) -> list[Any]:
        return [self.label, self.view.bar.value]

    def close(self) -> list[str]:
        """The usual end; who broke the rule of the UI thread."""
        self.controller.on_close()
        return self.let_go()

    def let_go(self) -> list[str]:
        """A thread that was left is for the checks of on_close to find; the schedule does not wait for it."""
        actor = scheduler.current()
        for other in actor.run.actors[1:] if actor else ():
            other.daemon = True
        return self.misuse


@scenario
def threads() -> list[str]:
    """Threads of the submission that are alive."""
    return sorted(t.name for t in threading.enumerate() if t is not threading.main_thread() and t.is_alive())


# -- helpers of the judge ----------------------------------------------------------------------------------------------


def expect_owner(misuse: list[str]) -> None:
    """Nobody used a widget or the App outside the UI thread."""
    expect(not misuse, f"{misuse[0] if misuse else ''}: WrongThreadError.", idea=OWNER)


# -- at rest -----------------------------------------------------------------------------------------------------------


@scenario
def quiet_window(student: Any, when: str) -> str:
    """Half a second in which nothing happens."""
    stop = threading.Event()

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(1)
        if when == "while analyse waits":
            stop.wait(2)
        return "ok"

    window = Window(student, analyse)
    if when != "before the first run":
        window.start("a.log")
    window.wait(500)
    label = window.label
    stop.set()
    window.wait(1)
    window.close()
    return label


@kind("bounds")
def test_waiting_costs_no_processor_time(submission: Submission) -> None:
    """Half a second in which nothing happens, before, in and after a run, uses next to no processor time"""
    for when in ("before the first run", "while analyse waits", "after a run"):
        submission.timed(quiet_window, when)
        expect(
            submission.cpu < 0.08,
            f"For 0.5 s nothing happened ({when}), and {submission.cpu:.2f} s of processor time were used.",
            idea="How often does the UI thread look whether there is something new, and how often does the worker?",
        )


# -- a run ---------------------------------------------------------------------------------------------------------------


@scenario
def one_run(student: Any) -> list[Any]:
    calls = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        calls.append([list(files), threading.current_thread() is ui_thread, is_cancelled()])
        report(10)
        time.sleep(0.3)
        report(40)
        time.sleep(0.3)
        report(90)
        return f"{len(files)} files"

    ui_thread = threading.current_thread()
    window = Window(student, analyse)
    before, began = window.state, window.now()
    window.start("a.log", "b.log")
    took, states = window.now() - began, [window.state]
    late = 0
    for _ in range(3):
        began = window.now()
        window.wait(250)
        late = max(late, window.now() - began - 250)
        states.append(window.state)
    ends = [shown for shown in window.shown if shown[1] == "label"]
    return [before, took, late, states, calls, ends, window.close()]


@kind("correctness")
def test_a_run_is_shown_from_its_start_to_its_end(explore: Explore) -> None:
    """The label says running and then done, with the result; the bar follows, and analyse gets the files"""
    for before, took, late, states, calls, ends, misuse in explore(one_run, schedules=8):
        expect(
            before == ["ready", 0],
            f"Nothing was started, and the window shows {before[0]!r} and {before[1]}.",
            idea="Nothing happens before on_start.",
        )
        expect(
            calls,
            "on_start was called, and analyse was not, for 0.75 s.",
            idea="Who calls analyse, and in which thread?",
        )
        expect(
            not calls[0][1],
            f"analyse ran in the UI thread: the window was frozen for {max(took, late)} ms.",
            idea=CALLER,
        )
        expect_owner(misuse)
        expect(
            took <= AT_ONCE,
            f"analyse ran in a thread of its own, but on_start returned only after {took} ms: the window was frozen.",
            idea=NOBODY_WAITS,
        )
        expect(
            late <= SLIP,
            f"While analyse worked, the window was frozen for {late} ms: a function that was given to App.after waited.",
            idea=NOBODY_WAITS,
        )
        expect(
            calls == [[["a.log", "b.log"], False, False]],
            f"on_start(['a.log', 'b.log']): analyse was called with {calls[0][0]}, {len(calls)} times; "
            f"is_cancelled() said {calls[0][2]} at the beginning.",
            idea="One call of on_start, one call of analyse, with these files.",
        )
        expect(
            states[0] == ["running", 0],
            f"When on_start returned, the label was {states[0][0]!r} and the bar {states[0][1]}; 'running' and 0 were due.",
            idea="What can be shown at once needs no message from the worker.",
        )
        expect(
            states[1] == ["running", 10] and states[2] == ["running", 40],
            f"After 0 ms 10 was reported, after 300 ms 40. The window at 250 ms: {states[1][0]!r} and {states[1][1]}; "
            f"at 500 ms: {states[2][0]!r} and {states[2][1]}.",
            idea="Somebody must look, again and again, for what the worker has said: App.after.",
        )
        expect(
            states[3][0] == "done: 2 files",
            f"analyse returned '2 files' after 600 ms; at 750 ms the label says {states[3][0]!r}.",
            idea="The label shows `done: ` and the result, a tenth of a second later at most.",
        )
        expect(
            states[3][1] == 90,
            f"analyse reported 90 and returned; at the end the bar shows {states[3][1]}.",
            idea="What was reported before the end must be looked at before the end is shown.",
        )
        expect(
            [text for _, _, text in ends] == ["running", "done: 2 files"],
            f"The label showed {', '.join(repr(text) for _, _, text in ends)}.",
            idea="One run shows `running` and one end.",
        )


@scenario
def jumping_reports(student: Any) -> list[Any]:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        for burst in ((10, 30), (20,), (5, 25), (60, 40), (50, 45)):
            for percent in burst:
                report(percent)
            time.sleep(0.15)
        return "ok"

    window = Window(student, analyse)
    window.start("a.log")
    window.wait(1000)
    return [[value for _, widget, value in window.shown if widget == "bar"], window.state, window.close()]


@kind("correctness")
def test_the_bar_never_goes_back(explore: Explore) -> None:
    """analyse reports less than before, in one moment and later: the bar stays where it was"""
    for bar, end, misuse in explore(jumping_reports, schedules=8):
        expect_owner(misuse)
        back = [f"{a} to {b}" for a, b in itertools.pairwise(bar) if b < a]
        expect(
            not back,
            f"The bar went back from {back[0] if back else ''}.",
            idea="A report may be lower than an earlier one. What does the bar show already?",
        )
        expect(
            end == ["done: ok", 60],
            f"The highest report was 60; at the end the window shows {end[0]!r} and {end[1]}.",
            idea="Of many reports between two looks, which one counts?",
        )


@scenario
def started_again(student: Any, when: str) -> list[Any]:
    """A second on_start during the run, or after it."""
    calls = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        calls.append(files[0])
        report(30 if files[0] == "first" else 20)
        time.sleep(0.3)
        return str(files[0])

    window = Window(student, analyse)
    window.start("first")
    window.wait(200 if when == "during" else 600)
    middle = window.state
    window.start("second")
    after = window.state
    window.wait(200)
    later = window.state
    window.wait(600)
    return [calls, middle, after, later, window.state, window.close()]


@kind("correctness")
def test_a_start_during_a_run_does_nothing(explore: Explore) -> None:
    """on_start during a run changes nothing: the first run goes on and shows its result"""
    for calls, middle, after, _, end, misuse in explore(started_again, "during", schedules=8):
        expect_owner(misuse)
        expect(
            calls == ["first"],
            f"on_start was called twice, the second time during a run: analyse was called for {' and '.join(calls)}.",
            idea="How does on_start know whether a run is on?",
        )
        expect(
            after == middle,
            f"on_start during a run changed the window from {middle[0]!r} and {middle[1]} to {after[0]!r} and {after[1]}.",
            idea="Nothing at all happens then.",
        )
        expect(end[0] == "done: first", f"The run ended with the label {end[0]!r}.", idea="The first run goes on.")


@kind("correctness")
def test_a_second_run_starts_from_nothing(explore: Explore) -> None:
    """After a run the next one can be started: it shows running and 0, and then its own progress and result"""
    for calls, middle, after, later, end, misuse in explore(started_again, "after", schedules=8):
        expect_owner(misuse)
        expect(
            middle[0] == "done: first" and calls == ["first", "second"],
            f"After the first run the label said {middle[0]!r}; then on_start: analyse was called for {' and '.join(calls)}.",
            idea="Who notes that a run has ended, so that the next one may begin?",
        )
        expect(
            after == ["running", 0],
            f"The second on_start showed {after[0]!r} and {after[1]}; 'running' and 0 were due.",
            idea="What is left of the first run, in your variables and in the window?",
        )
        expect(
            later == ["running", 20] and end == ["done: second", 20],
            f"The first run had reported 30, the second reports 20: it shows {later[0]!r} and {later[1]}, "
            f"and at its end {end[0]!r} and {end[1]}.",
            idea="What is left of the first run, in your variables and in the window?",
        )


@scenario
def two_windows(student: Any) -> list[Any]:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(30 if files[0] == "first" else 20)
        time.sleep(0.3)
        return f"{files[0]}, {'cancelled' if is_cancelled() else 'not cancelled'}"

    first, second = Window(student, analyse), Window(student, analyse)
    first.start("first")
    second.start("second")
    for _ in range(5):
        first.wait(20)
        second.wait(20)
    middle = [first.state, second.state]
    first.cancel()
    for _ in range(15):
        first.wait(20)
        second.wait(20)
    return [middle, first.state, second.state, first.close() + second.close()]


@kind("correctness")
def test_two_controllers_have_nothing_in_common(explore: Explore) -> None:
    """Two windows run at the same time, and one of them is cancelled: the other one shows its own run to the end"""
    for middle, first, second, misuse in explore(two_windows, schedules=8):
        expect_owner(misuse)
        own = "Which of your variables belong to one controller, and which to all of them?"
        expect(
            middle == [["running", 30], ["running", 20]],
            f"Two windows run and have reported 30 and 20; they show {middle[0][0]!r} and {middle[0][1]}, "
            f"{middle[1][0]!r} and {middle[1][1]}.",
            idea=own,
        )
        expect(
            first in (["cancelled", 30], ["cancelled", 0]) and second == ["done: second, not cancelled", 20],
            f"The first of two windows was cancelled; they show {first[0]!r} and {second[0]!r}.",
            idea=own,
        )


# -- cancel --------------------------------------------------------------------------------------------------------------


@scenario
def cancel_a_run(student: Any, obeys: bool) -> list[Any]:
    seen: list[Any] = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(10)
        time.sleep(0.25)
        for percent in range(20, 80, 10):
            seen.append(is_cancelled())
            if obeys and seen[-1]:
                break
            report(percent)
            time.sleep(0.1)
        return "too late"

    window = Window(student, analyse)
    window.start("a.log")
    window.wait(200)
    window.cancel()
    at = window.now()
    window.wait(150)
    soon = window.label
    shown = len(window.shown)
    window.cancel()
    window.wait(1000)
    return [seen, soon, window.state, window.shown[shown:], at, window.close()]


def expect_cancelled(seen: list[bool], soon: str, end: list[Any], later: list[Any]) -> None:
    expect(
        soon == "cancelled",
        f"on_cancel during a run; 150 ms later the label says {soon!r}.",
        idea="Who can say `cancelled` without waiting for anybody? The run is over for the user at that moment.",
    )
    expect(
        bool(seen) and all(seen),
        f"After on_cancel, is_cancelled() said {seen[0] if seen else 'nothing'}: analyse cannot know that it should stop.",
        idea="A thread cannot be stopped from outside; it must be told. Through what?",
    )
    expect(
        not later,
        f"The run was cancelled, and later the {later[0][1] if later else ''} changed to {later[0][2] if later else ''!r}.",
        idea="After on_cancel nothing of that run may be shown, whatever analyse still says.",
    )
    expect(
        end[0] == "cancelled" and end[1] in (0, 10),
        f"A cancelled run had reported 10; in the end the window shows {end[0]!r} and {end[1]}.",
        idea="After on_cancel nothing of that run may be shown, whatever analyse still says.",
    )


@kind("correctness")
def test_cancel_ends_a_run(explore: Explore) -> None:
    """After on_cancel the label says cancelled, analyse is told so, and nothing changes any more"""
    for seen, soon, end, later, _, misuse in explore(cancel_a_run, True, schedules=8):
        expect_owner(misuse)
        expect_cancelled(seen, soon, end, later)


@kind("failure")
def test_a_run_that_ignores_cancel_is_forgotten(explore: Explore) -> None:
    """analyse goes on after on_cancel, reports and returns a result: nobody sees it"""
    for seen, soon, end, later, _, misuse in explore(cancel_a_run, False, schedules=8):
        expect_owner(misuse)
        expect_cancelled(seen, soon, end, later)


@scenario
def cancel_without_a_run(student: Any) -> list[Any]:
    told = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        time.sleep(0.1)
        told.append(is_cancelled())
        return "ok"

    window = Window(student, analyse)
    window.cancel()
    window.wait(100)
    states = [window.label]
    window.start("a.log")
    window.wait(300)
    states.append(window.label)
    window.cancel()
    window.wait(100)
    states.append(window.label)
    return [states, told, window.close()]


@kind("failure")
def test_cancel_without_a_run_does_nothing(explore: Explore) -> None:
    """on_cancel before the first run and after a run changes nothing, also not for the next run"""
    for states, told, misuse in explore(cancel_without_a_run, schedules=8):
        expect_owner(misuse)
        expect(
            states[0] == "ready",
            f"on_cancel before any run: the label says {states[0]!r}.",
            idea="There is nothing to cancel.",
        )
        expect(
            told == [False] and states[1] == "done: ok",
            f"on_cancel, then a run: its is_cancelled() said {told[0] if told else 'nothing'}, its label {states[1]!r}.",
            idea="To which run does a cancellation belong?",
        )
        expect(
            states[2] == "done: ok",
            f"on_cancel after a run changed the label to {states[2]!r}.",
            idea="A run ends once. What says that none is on?",
        )


# -- errors and the end -----------------------------------------------------------------------------------------------------


@scenario
def fail_and_go_on(student: Any, what: str) -> list[Any]:
    """In real time and real threads: the exception may come out of them, too."""

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(30)
        if files[0] == "good.log":
            return "ok"
        raise {"ValueError": ValueError, "SystemExit": SystemExit}[what]("bad.log is unreadable")

    window = Window(student, analyse)
    labels = []
    for name in ("bad.log", "good.log"):
        window.start(name)
        window.until_end(6000)
        labels.append(window.label)
        if labels == ["running"]:
            return [["running", "running"], window.misuse]  # whatever comes now is no news
    return [labels, window.close()]


@kind("failure")
def test_what_analyse_raises_reaches_the_label(submission: Submission) -> None:
    """analyse raises a ValueError, or SystemExit: the label says failed and why, and the next run works"""
    for what in ("ValueError", "SystemExit"):
        (first, second), misuse = submission.run(fail_and_go_on, what)
        expect_owner(misuse)
        expect(
            first != "running",
            f"analyse raised a {what}; six seconds later the label still says 'running'.",
            idea="An exception in a thread is silent. Who catches it, and how does it come across?"
            + (" SystemExit is no Exception." if what == "SystemExit" else ""),
        )
        expect(
            first.startswith("failed: ") and "bad.log is unreadable" in first,
            f"analyse raised {what}('bad.log is unreadable'); the label says {first!r}.",
            idea="The label shows `failed: ` and the text of the exception.",
        )
        expect(
            second == "done: ok",
            f"After a run that failed, the next one ended with the label {second!r}.",
            idea="What must be put back in order when a run fails?",
        )


@scenario
def close_a_run(student: Any, hears_after: int, runs: int, is_cancelled_first: bool = False) -> list[Any]:
    """Close during a run; analyse returns so many ms after it was told, or at its very end after 4 s."""
    begun, told, ended = [], [], []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        begun.append(files[0])
        try:
            for step in range(40):
                time.sleep(0.1)
                if is_cancelled() and hears_after < 4000:
                    time.sleep(hears_after / 1000)
                    break
                report(step)
        finally:
            if files[0] != "after the end":
                told.append(is_cancelled())
            ended.append(files[0])
        return "too late"

    window = Window(student, analyse)
    for number in range(runs):
        window.start(str(number))
        window.wait(250)
        if number < runs - 1:
            window.cancel()
    if is_cancelled_first:
        window.cancel()
    began = window.now()
    window.controller.on_close()
    took, at_return, shown = window.now() - began, list(ended), len(window.shown)
    before = len(begun)
    window.wait(50)
    left = threads()
    window.start("after the end")
    window.cancel()
    window.controller.on_close()
    window.wait(9000)
    return [took, at_return, left, window.shown[shown:], begun[before:], ended, told, window.let_go()]


def expect_silence(later: list[Any], begun: list[str]) -> None:
    expect(
        not later,
        f"After on_close the {later[0][1] if later else ''} changed to {later[0][2] if later else ''!r}.",
        idea="When the window is closed, nobody may write into it: neither messages that are still under way nor later calls.",
    )
    expect(
        not begun,
        f"After on_close analyse was called, for {'an on_start that came later' if 'after the end' in begun else 'a run that was cancelled'}.",
        idea="The window is gone; what should that run be good for?",
    )


@kind("failure")
def test_close_ends_a_run_and_waits_for_it(explore: Explore) -> None:
    """on_close during a run tells analyse to stop, and returns when it has, with no thread left"""
    first, second = explore(close_a_run, 300, 1, schedules=6), explore(close_a_run, 300, 1, True, schedules=6)
    for took, at_return, left, later, begun, _, told, misuse in itertools.chain(first, second):
        expect_owner(misuse)
        expect(
            told == [True],
            "on_close during a run: is_cancelled() stayed False, and analyse went on to its end.",
            idea="Who closes the window wants the run to end. How is analyse told?",
        )
        expect(
            took < 1100,
            f"on_close: analyse returned 350 ms later, and on_close after {took} ms.",
            idea="Wait for the end of the worker, not for a time.",
        )
        expect(
            at_return == ["0"],
            f"on_close returned after {took} ms, while analyse still ran; 350 ms later it would have ended.",
            idea="on_close waits for the worker, for a second at most. Who else would?",
        )
        expect_silence(later, begun)
        expect(
            not left,
            f"After on_close, analyse has ended, and {len(left)} of your threads still live: {', '.join(left)}.",
            idea="Who started a thread ends it. What does yours wait for?",
        )


@kind("failure")
def test_close_waits_a_second_at_most(explore: Explore) -> None:
    """on_close during a run that ignores it, and with two cancelled ones still running, takes a second and no more"""
    for runs in (1, 3):
        for took, at_return, _, later, begun, ended, told, misuse in explore(close_a_run, 4000, runs, schedules=6):
            expect_owner(misuse)
            whom = "analyse ignores it" if runs == 1 else "two cancelled runs and one more ignore it"
            expect(
                took <= 1100,
                f"on_close, and {whom}: it took {took} ms, one second was allowed.",
                idea="Which of your waits has a limit, and what do they add up to?",
            )
            expect(
                took >= 900 or at_return == ended,
                f"on_close, and {whom}: it returned after {took} ms, while analyse still ran. A second was due.",
                idea="on_close waits for the worker, for a second at most. Who else would?",
            )
            expect_silence(later, begun)
            expect(
                all(told),
                "After on_close, is_cancelled() was False.",
                idea="Who closes the window wants the run to end. How is analyse told?",
            )


@scenario
def close_an_idle_window(student: Any) -> list[Any]:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        return "ok"

    took, shown = [], []
    for runs in range(2):
        window = Window(student, analyse)
        if runs:
            window.start("a.log")
            window.wait(200)
        before = len(window.shown)
        for _ in range(2):
            began = window.now()
            window.controller.on_close()
            took.append(window.now() - began)
        window.start("after the end")
        window.wait(200)
        shown += window.shown[before:]
    left = threads()
    window.let_go()
    return [took, shown, left]


@kind("failure")
def test_an_idle_window_closes_at_once(explore: Explore) -> None:
    """on_close without a run, before the first one and after one, returns at once; again does nothing"""
    for took, later, left in explore(close_an_idle_window, schedules=6):
        expect(
            max(took) <= 100,
            f"on_close of a window without a run took {max(took)} ms.",
            idea="Nothing runs. What does on_close wait for?",
        )
        expect_silence([entry for entry in later if entry[2] != "cancelled"], [])
        expect(
            not left,
            f"After on_close {len(left)} of your threads still live: {', '.join(left)}.",
            idea="Who started a thread ends it. What does yours wait for?",
        )


# -- promptness ------------------------------------------------------------------------------------------------------------


@scenario
def ticks_and_handlers(student: Any) -> list[Any]:
    """In virtual time: ms that each handler took, the largest gap between two ticks and when, and whether analyse froze it."""
    in_ui = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        in_ui.append(threading.current_thread() is ui_thread)
        for step in range(6):
            time.sleep(0.1)
            report(step)
            if is_cancelled():
                break
        return "ok"

    ui_thread = threading.current_thread()
    window = Window(student, analyse)
    took: list[list[Any]] = []
    ticks = []

    def tick() -> None:
        ticks.append(window.now())
        window.app.after(10, tick)

    def timed(name: str, call: Callable[[], object]) -> None:
        began = window.now()
        call()
        took.append([name, window.now() - began])

    plan = [
        (20, "on_start", window.start), (150, "on_start during a run", window.start), (230, "on_cancel", window.cancel),
        (240, "on_start after on_cancel", window.start), (1000, "on_start after a run", window.start),
    ]  # fmt: skip
    window.app.after(0, tick)
    for ms, name, call in plan:
        window.app.after(ms, timed, name, call)
    window.wait(2000)
    gap, at = max((b - a, a) for a, b in itertools.pairwise(ticks))
    return [took, gap, at, any(in_ui), window.close()]


@kind("bounds")
def test_no_handler_waits_and_no_tick_is_late(explore: Explore) -> None:
    """Every handler returns at once, and the ticks come on time, from the start of a run to its end"""
    for took, gap, _, in_ui, misuse in explore(ticks_and_handlers, schedules=4, points=60_000):
        slowest = max(took, key=lambda pair: pair[1])
        expect(
            not in_ui,
            f"analyse ran in the UI thread: no tick for {gap} ms.",
            idea=CALLER,
        )
        expect_owner(misuse)
        expect(
            slowest[1] <= AT_ONCE,
            f"{slowest[0]} took {slowest[1]} ms, and the window was frozen meanwhile; analyse itself ran elsewhere.",
            idea=NOBODY_WAITS,
        )
        expect(
            gap <= 10 + SLIP,
            f"No tick for {gap} ms, though every handler returned at once: a function that was given to App.after waited.",
            idea=NOBODY_WAITS,
        )


@scenario
def two_thousand_reports(student: Any, seconds: float) -> list[Any]:
    """The bar's moves, when analyse returned, when the label said so, and the window then."""
    ended = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        for number in range(1, 2001):
            report(number // 20)
            if number % 10 == 0:
                time.sleep(seconds / 200)
        ended.append(window.now())
        return "ok"

    window = Window(student, analyse)
    window.start("a.log")
    window.wait(round(1000 * seconds) + 200)
    state = window.state
    done = next((ms for ms, widget, _ in window.shown if widget == "label" and _ != "running"), None)
    return [[ms for ms, widget, _ in window.shown if widget == "bar"], ended, done, state, window.close()]


@kind("bounds")
def test_two_thousand_reports_move_the_bar_sixty_times_a_second(explore: Explore) -> None:
    """2000 reports in 0.6 s: the bar moves at most 60 times a second, and the end is shown at once"""
    for moves, ended, done, state, misuse in explore(two_thousand_reports, 0.6, schedules=2, points=300_000, seconds=4):
        expect_owner(misuse)
        most = max((sum(begin <= ms < begin + 500 for ms in moves) for begin in moves), default=0)
        expect(
            most <= MOST_MOVES,
            f"2000 reports in 0.6 s: the bar moved {most} times within half a second; 30 are enough for the eye.",
            idea="Who decides how often the bar moves: the one who reports, or the one who looks?",
        )
        late = done is None or (ended and done - ended[0] > 1000 * LATE)
        expect(
            not late,
            f"2000 reports in 0.6 s: analyse returned at {ended[0] if ended else 'no'} ms, and 150 ms later the window "
            f"shows {state[0]!r} and {state[1]}.",
            idea="How many messages are waiting at the end, and how many of them does one look take? Old progress interests nobody.",
        )
        expect(
            state == ["done: ok", 100],
            f"After 2000 reports up to 100 the window shows {state[0]!r} and {state[1]}.",
            idea="What was reported last must be shown, too.",
        )
        expect(
            len(moves) >= 5,
            f"During a run of 0.6 s the bar moved {len(moves)} times.",
            idea="The bar is at most a tenth of a second behind.",
        )


@scenario
def half_computing(files: Any, report: Any, is_cancelled: Any) -> str:
    """0.6 s: computes and waits in turns, and reports 2000 times."""
    for step in range(100):
        end = time.perf_counter() + 0.003
        while time.perf_counter() < end:
            pass
        for _ in range(20):
            report(step)
        time.sleep(0.003)
    return "ok"


@scenario
def live_window(student: Any, tick: Any, is_bare: bool) -> list[Any]:
    """A window on the wall clock, whose ticks the judge sees; a bare one has no controller, and the same work beside it."""

    def beat() -> None:
        tick()
        window.app.after(10, beat)

    tick()  # the first call connects
    window = Window(None if is_bare else student, half_computing)
    worker = threading.Thread(target=half_computing, args=([], lambda percent: None, lambda: False))
    window.app.after(0, beat)
    window.app.after(50, worker.start if is_bare else window.start)
    if is_bare:
        window.wait(700)
        worker.join()
        return []
    window.wait(300)
    window.until_end(6000)  # as long as it takes on a busy machine
    window.wait(50)
    return [window.state, window.close()]


class Ticks:
    """When ticks reached the judge, by its clock."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def tick(self) -> None:
        self.times.append(time.monotonic())

    @property
    def gap(self) -> int:
        """The largest one, in ms."""
        return round(1000 * max((b - a for a, b in itertools.pairwise(self.times)), default=0))


TRIALS, ENOUGH = 6, 3
LONGEST = 8  # seconds that a trial may take; none is begun that may not end in time


@kind("speedup")
def test_ticks_come_on_time_while_analyse_computes(submission: Submission) -> None:
    """On the wall clock: while analyse computes half of the time, no tick is more than 60 ms late"""
    bad = []
    for _ in range(TRIALS):
        if submission.remaining() < LONGEST:
            break
        ticks = Ticks()
        state, misuse = submission.run(live_window, ticks.tick, False)
        expect_owner(misuse)
        if ticks.gap <= 10 + SLIP:
            expect(
                state == ["done: ok", 99],
                f"analyse takes 0.6 s, up to 99 percent; the window shows {state[0]!r} and {state[1]}.",
                idea="What keeps the result from being shown?",
            )
            return
        # Does a window without the controller, with the same work beside it, hold its ticks on this machine now?
        if submission.remaining() < LONGEST:
            break
        bare = Ticks()
        submission.run(live_window, bare.tick, True)
        if bare.gap <= SLIP // 2:
            bad.append((ticks.gap, bare.gap))
        if len(bad) == ENOUGH:
            break
    if len(bad) < ENOUGH:
        raise Inconclusive("Not measurable here: even a bare window does not hold its ticks on this machine now.")
    gap, of_bare = min(bad)
    expect(
        False,
        f"While analyse computed, there was no tick for {gap} ms at best, in {ENOUGH} trials; a window without your controller and with "
        f"the same work beside it stood still for {of_bare} ms at most.",
        idea="What does the UI thread do for each report, and how much of it is needed?",
    )


# -- schedules ---------------------------------------------------------------------------------------------------------------


@scenario
def start_cancel_start(student: Any, before: int, late: int) -> list[Any]:
    """Cancel after so many ms, and start again at once; the first analyse ends so many ms after its beginning."""

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        if files[0] == "first":
            report(77)
            if late:
                time.sleep(late / 1000)
            report(88)
            return "first"
        report(5)
        report(9)
        return "second"

    window = Window(student, analyse)
    window.start("first")
    if before:
        window.wait(before)
    window.cancel()
    mark, cancelled = len(window.shown), window.label
    window.start("second")
    window.until_end(2000)
    window.wait(60)
    later = [[widget, value] for _, widget, value in window.shown[mark:]]
    return [cancelled, later, window.state, window.close()]


@kind("schedules")
def test_nothing_of_a_cancelled_run_appears_in_the_next(explore: Explore) -> None:
    """Start, cancel, start again at once: the window shows the second run only, in every schedule"""
    for before, late in ((0, 0), (0, 20), (30, 20)):
        outcomes = itertools.chain(
            explore(start_cancel_start, before, late, bound=1, schedules=300, seconds=0.7),
            explore(start_cancel_start, before, late, schedules=60, seconds=0.4, adversarial_timeouts=True),
        )
        for cancelled, later, end, misuse in outcomes:
            expect_owner(misuse)
            if cancelled.startswith(("done: ", "failed: ")):
                continue  # it had ended before on_cancel
            stale = [value for _, value in later if value in (77, 88, "done: first")]
            expect(
                not stale,
                f"Start, cancel, start: the second run is on, and the window shows {stale[0] if stale else ''!r}, which is of the first.",
                idea=STALE,
            )
            labels = [value for widget, value in later if widget == "label"]
            expect(
                labels[:1] == ["running"],
                "Start, cancel, start: the second on_start "
                + (f"showed {labels[0]!r}." if labels else "was ignored, though the label said 'cancelled'."),
                idea="For the user the first run is over as soon as it is cancelled, whatever its thread does.",
            )
            expect(
                "cancelled" not in labels,
                "Start, cancel, start: the label says 'cancelled' during the second run, which nobody cancelled.",
                idea=STALE,
            )
            expect(
                labels != ["running"],
                "Start, cancel, start: the second run never came to an end, within two seconds.",
                idea="Who begins a run that was started while the cancelled one is still at work, and how does it learn of it?",
            )
            expect(
                labels == ["running", "done: second"] and end == ["done: second", 9],
                f"Start, cancel, start: the second run reported 9 and returned 'second'; the label showed "
                f"{', '.join(map(repr, labels))}, the bar {end[1]}.",
                idea=STALE,
            )


@scenario
def old_flag(student: Any) -> list[Any]:
    """A cancelled run looks at its flag late; the next one has begun."""
    seen = []

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        time.sleep(0.1)
        seen.append([files[0], is_cancelled()])
        return str(files[0])

    window = Window(student, analyse)
    window.start("first")
    window.wait(50)
    window.cancel()
    window.start("second")
    window.wait(400)
    return [sorted(seen), window.label, window.close()]


@kind("schedules")
def test_a_cancelled_run_stays_cancelled(explore: Explore) -> None:
    """The first run looks at is_cancelled() when the second has begun: True for the first, False for the second"""
    for seen, label, misuse in explore(old_flag, schedules=40):
        expect_owner(misuse)
        first, second = (dict(map(tuple, seen)).get(name) for name in ("first", "second"))
        expect(
            first is not False,
            "Start, cancel, start: is_cancelled() of the first run is False again, so it works on for nobody.",
            idea=OWN_FLAG,
        )
        expect(
            second is False and label == "done: second",
            f"Start, cancel, start: is_cancelled() of the second run said {second}, and its label is {label!r}.",
            idea=OWN_FLAG,
        )


@scenario
def cancel_at_the_end(student: Any, ms: int) -> list[Any]:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(50)
        return "ok"

    window = Window(student, analyse)
    window.start("a.log")
    if ms:
        window.wait(ms)
    before = window.label
    window.cancel()
    window.until_end(1000)
    window.wait(100)
    labels = [value for _, widget, value in window.shown if widget == "label"]
    return [before, labels, window.close()]


@kind("schedules")
def test_a_run_ends_in_one_way_only(explore: Explore) -> None:
    """on_cancel while the result is under way: cancelled, and it stays so; when the result was shown, that stays"""
    for ms in (0, 20, 45):
        for before, labels, misuse in explore(
            cancel_at_the_end, ms, schedules=100, seconds=0.6, adversarial_timeouts=True
        ):
            expect_owner(misuse)
            due = ["running", "cancelled"] if before == "running" else ["running", "done: ok"]
            expect(
                labels == due,
                f"When on_cancel was called the label said {before!r}; the labels of the run: {', '.join(map(repr, labels))}.",
                idea=ONE_END,
            )


@scenario
def quick_runs(student: Any) -> list[Any]:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(20)
        report(50)
        return str(files[0])

    window = Window(student, analyse)
    states = []
    for name in ("first", "second"):
        window.start(name)
        window.until_end(2000)
        states.append(window.state)
    return [states, window.close()]


@scenario
def end_while_painting(student: Any) -> list[Any]:
    """Painting takes 5 ms, and meanwhile analyse reports its last number and returns."""
    painted = threading.Event()

    def paint(value: Any) -> None:
        if value == 20:
            painted.set()
            time.sleep(0.005)

    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(20)
        painted.wait(1)
        report(50)
        return "ok"

    window = Window(student, analyse, paint)
    window.start("a.log")
    window.until_end(3000)
    return [window.state, window.close()]


@kind("schedules")
def test_the_last_report_is_shown_before_the_end(explore: Explore) -> None:
    """analyse reports its last number and returns while the window paints an earlier one: both are shown"""
    for state, misuse in explore(end_while_painting, schedules=60, seconds=0.8):
        expect_owner(misuse)
        expect(
            state == ["done: ok", 50],
            f"While the bar was painted at 20, analyse reported 50 and returned; then the window showed {state[0]!r} and {state[1]}.",
            idea="Is it over, and how far is it? These are two questions, and between them the worker goes on. Which comes first?",
        )


@kind("schedules")
def test_quick_runs_follow_each_other(explore: Explore) -> None:
    """analyse returns at once, and as soon as the label says so the next run starts: each shows its last report and its result"""
    outcomes = itertools.chain(
        explore(quick_runs, bound=1, schedules=300, seconds=1.2),
        explore(quick_runs, schedules=100, seconds=0.8, adversarial_timeouts=True),
    )
    for states, misuse in outcomes:
        expect_owner(misuse)
        for name, (label, bar) in zip(("first", "second"), states, strict=True):
            expect(
                label == f"done: {name}",
                f"analyse returned {name!r} at once, and the label says {label!r}."
                + (" It was started as soon as the label showed the end of the first run." if name == "second" else ""),
                idea="A run is over when the label says so, not when a thread has ended. Which of the two does on_start look at?",
            )
            expect(
                bar == 50,
                f"The {name} run reported 20 and 50 and returned; when the label said so, the bar showed {bar}.",
                idea="Progress and result come one after the other. What if the UI thread looks between them?",
            )


@scenario
def start_and_close(student: Any) -> list[Any]:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        report(20)
        pause()
        report(50)
        return "ok"

    window = Window(student, analyse)
    window.start("a.log")
    window.controller.on_close()
    shown = len(window.shown)
    window.wait(100)
    return [window.shown[shown:], window.let_go()]


@kind("schedules")
def test_close_in_the_middle_of_a_run(explore: Explore) -> None:
    """on_close comes at any moment of a run: nothing is shown afterwards, and nobody stands still"""
    for later, misuse in explore(start_and_close, bound=1, schedules=300, seconds=1.2):
        expect_owner(misuse)
        expect_silence(later, [])


@scenario
def use(student: Any) -> str:
    def analyse(files: Any, report: Any, is_cancelled: Any) -> str:
        for step in range(10):
            time.sleep(0.002)
            report(step)
            if is_cancelled():
                break
        return "ok"

    window = Window(student, analyse)
    for _ in range(3):
        window.start("a.log")
        window.cancel()
    window.start("a.log")
    window.until_end(2000)
    label = window.label
    window.start("a.log")
    window.close()
    return label


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """Runs that were cancelled, one that was not, and on_close: no thread is left"""
    label = submission.run(use)
    expect(label == "done: ok", f"After three cancelled runs the fourth ended with the label {label!r}.", idea=STALE)
    submission.finish().expect_none()
