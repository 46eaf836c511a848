"""Checks of autosave_daemon."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.explore import pause, quiet, together
from grader.judge import Explore, Submission, expect, kind, scenario

EXERCISE = "autosave_daemon"
NOBODY_POLLS = (
    "Whoever waits should sleep until somebody wakes it. Who knows when the wait is over, and how is it told?"
)
FORGETS = (
    "When does a document become clean: before its content is handed to save, or after? What is marked in between?"
)
LAST_SAVE = (
    "A daemon is dropped in the middle of its sentence, or never gets that far. Who saves what is still dirty at the end, "
    "and who waits for it?"
)
ONE_STEP = "Looking whether the saver is closed and noting the content must be one step for close(). Which lock is held over both?"
PAUSED = "A flag stops the saves that have not yet begun. Who tells pause() about the one that has?"
LIVES_ON = (
    "Whatever leaves the thread's function ends the thread. Where must the exception be caught, so that the other documents "
    "of this tick, and the ticks to come, do not notice?"
)
TIMEOUT = "join(timeout) returns None whether the thread has ended or not. Who tells you which it was?"


# -- collaborators, inside the submission's process ------------------------------------------------------------------


@scenario
class Disk:
    """Its `save` notes what was asked for and what has been saved. A save takes `seconds`; the first `failures` of a name fail."""

    def __init__(self, seconds: float = 0, failures: dict[str, int] | None = None) -> None:
        self.seconds, self.failures = seconds, dict(failures or {})
        self.asked: list[list[str]] = []
        self.saved: list[list[str]] = []
        self.raised: list[Exception] = []
        self.running = self.most = 0
        self.inside = threading.Event()  # a save of letter has begun
        self.meanwhile: Callable[[], Any] | None = None  # called in the middle of a save

    def save(self, name: str, content: bytes) -> None:
        text = content.decode() if isinstance(content, bytes) else repr(content)
        self.asked.append([name, text])
        self.running += 1
        self.most = max(self.most, self.running)
        if name == "letter":
            self.inside.set()
        try:
            pause()
            time.sleep(self.seconds)
            if self.meanwhile is not None:
                self.meanwhile()
            if self.failures.get(name, 0) > 0:
                self.failures[name] -= 1
                self.raised.append(OSError(f"{name}: the disk is full"))
                raise self.raised[-1]
            self.saved.append([name, text])
        finally:
            self.running -= 1


@scenario
def told(call: Any, *args: Any, **kwargs: Any) -> str:
    """What the call came to: "returned", or the exception of the contract that it raised."""
    try:
        call(*args, **kwargs)
    except NotImplementedError:
        raise
    except TimeoutError:
        return "raised TimeoutError"
    except RuntimeError:
        return "raised RuntimeError"
    except OSError:  # what a save of these checks raises
        return "raised what save had raised"
    return "returned"


@scenario
def timed(call: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """What the call came to, and its virtual seconds."""
    began = time.monotonic()
    answer = told(call, *args, **kwargs)
    return [answer, round(time.monotonic() - began, 2)]


# -- a saver at rest -------------------------------------------------------------------------------------------------


@scenario
def rest(student: Any) -> None:
    saver = student.AutoSaver(lambda name, content: None, interval=3600)
    saver.start()
    time.sleep(0.5)


@kind("bounds")
def test_waiting_for_a_tick_costs_no_processor_time(submission: Submission) -> None:
    """A saver that waits for half a second uses next to no processor time"""
    submission.timed(rest)
    expect(
        submission.cpu < 0.08,
        f"interval=3600: the saver waited for 0.5 s for its first tick, and used {submission.cpu:.2f} s of processor time.",
        idea=NOBODY_POLLS,
    )


@scenario
def type_forty_times(student: Any) -> list[Any]:
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=30)
    saver.start()
    time.sleep(1)
    for number in range(40):
        saver.mark_dirty("letter", f"version {number}".encode())
        time.sleep(0.1)
    early = len(disk.saved)
    time.sleep(30)
    saved = [text for _, text in disk.saved]
    told(saver.close)
    return [early, saved]


@scenario
def type_on(student: Any) -> int:
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=30)
    saver.start()
    time.sleep(0.5)
    for number in range(125):
        saver.mark_dirty("letter", str(number).encode())
        time.sleep(1)
    saved = len(disk.saved)
    told(saver.close)
    return saved


@kind("correctness")
def test_forty_key_presses_are_one_save(explore: Explore) -> None:
    """Forty key presses within one interval are one save; and who types without a break is saved at each tick"""
    for early, saved in explore(type_forty_times, schedules=5, points=100_000):
        expect(
            len(saved) <= 1,
            f"interval=30: {len(saved)} saves for 40 key presses within 4 s.",
            idea="mark_dirty only notes what is new. Who saves, and what does that one wait for?"
            if early
            else "What does the second mark of a document do to the first one?",
        )
        expect(
            saved == ["version 39"],
            f"interval=30: a document was marked 40 times within 4 s; half a minute later {saved[0] if saved else 'nothing'} "
            "was saved. Version 39 was due.",
            idea="A tick comes every interval seconds, and saves what was marked last.",
        )
    for count in explore(type_on, schedules=3, points=100_000):
        expect(
            3 <= count <= 5,
            f"interval=30: somebody typed once a second for 125 s, and the document was saved {count} times.",
            idea="Which event begins the wait for the next tick: the last tick, or each key press?",
        )


@scenario
def three_ticks(student: Any) -> list[Any]:
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=30)
    saver.mark_dirty("letter", b"v1")
    saver.start()
    time.sleep(1)
    for name, content in (("diary", b"w1"), ("letter", b"v2"), ("empty", b"")):
        saver.mark_dirty(name, content)
    time.sleep(25)
    early = len(disk.asked)
    time.sleep(10)
    first = sorted(disk.asked)
    time.sleep(31)
    second = disk.asked[len(first) :]
    saver.mark_dirty("letter", b"v3")
    time.sleep(33)
    third = disk.asked[len(first) + len(second) :]
    told(saver.close)
    return [early, first, second, third]


@kind("correctness")
def test_a_tick_saves_the_latest_content(explore: Explore) -> None:
    """A tick saves the latest content of each dirty document once, and nothing that is clean"""
    for early, first, second, third in explore(three_ticks, schedules=10, points=100_000):
        expect(
            not early,
            f"interval=30: {early} saves began in the first 26 s.",
            idea="The first tick comes when the first interval is over. What does the thread do before it first waits?",
        )
        due = [["diary", "w1"], ["empty", ""], ["letter", "v2"]]
        shown = ", ".join(f"{name} {text!r}" for name, text in first) or "nothing"
        expect(
            first == due,
            f"letter 'v1', diary 'w1', letter 'v2' and empty '' were marked; the tick saved {shown}.",
            idea="One content for each name: the latest. An empty document is a document.",
        )
        again = ", ".join(name for name, _ in second)
        expect(
            not second,
            f"Nothing was marked since the last tick, and the next one saved {again}.",
            idea="When a document has been saved, who says that it is clean now?",
        )
        expect(
            third == [["letter", "v3"]],
            f"letter 'v3' was marked, alone; the tick saved {', '.join(f'{n} {t!r}' for n, t in third) or 'nothing'}.",
            idea="Each tick saves what is dirty then; there is a tick after the first one.",
        )


# -- the end ---------------------------------------------------------------------------------------------------------


@scenario
def quit_soon(student: Any, when: float) -> list[Any]:
    saver = student.AutoSaver(Disk().save, interval=3600)
    saver.start()
    time.sleep(when)
    return timed(saver.close)


@kind("bounds")
def test_close_does_not_wait_for_the_next_tick(explore: Explore) -> None:
    """close() returns at once when the next tick is an hour away, also right after start()"""
    for when in (1, 0):
        for answer, seconds in explore(quit_soon, when, schedules=60):
            expect(
                answer == "returned" and seconds < 0.1,
                f"interval=3600, and nothing was dirty: close() {answer} after {seconds:g} s.",
                idea="The thread sleeps until its next tick. Which kinds of sleep can another thread end? time.sleep() is none of them."
                if when
                else "close() came before the thread had begun to wait. What does the thread look at before it goes to sleep?",
            )


@scenario
def leave_without_close(student: Any) -> list[Any]:
    """Did a child interpreter come to its last line, and how did it end: its exit code, or "still running"."""
    code = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import autosave_daemon\n"
        "saver = autosave_daemon.AutoSaver(lambda name, content: None, interval=3600)\n"
        "saver.start()\n"
        "saver.mark_dirty('letter', b'v1')\n"
        "print('bye', flush=True)\n"
    )
    folder = str(Path(student.__file__).parent)
    child = subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True)
    try:
        came_so_far = any(line.strip() == "bye" for line in child.stdout or ())
        try:
            return [came_so_far, child.wait(5)]
        except subprocess.TimeoutExpired:
            return [came_so_far, "still running"]
    finally:
        child.kill()
        child.communicate()


@kind("bounds")
def test_a_program_that_ends_without_close_is_not_held_up(submission: Submission) -> None:
    """A program that ends without close() is gone, and does not wait for the next tick"""
    came_so_far, ended = submission.run(leave_without_close)
    expect(
        came_so_far,
        f"A program of seven lines that starts a saver ended with exit code {ended} before it came to its last line.",
        idea="Run it yourself: start a saver with interval=3600, mark a document, and let the program end.",
    )
    expect(
        ended != "still running",
        "interval=3600: a program started a saver and came to its end without close(). 5 s later it was still running.",
        idea="Python waits for the end of every thread, except for one kind. Which is it, and when is that decided?",
    )


@scenario
def thread_of(student: Any) -> list[bool]:
    """For each thread named autosave: is it a daemon? The saver is started by a thread that is none."""
    saver = student.AutoSaver(lambda name, content: None, interval=3600)
    saver.mark_dirty("letter", b"v1")
    starter = threading.Thread(target=saver.start, daemon=False)
    starter.start()
    starter.join()
    time.sleep(1)
    found = [thread.daemon for thread in threading.enumerate() if thread.name == "autosave"]
    told(saver.close)
    return found


@kind("correctness")
def test_the_thread_is_named_autosave(explore: Explore) -> None:
    """The thread is named autosave, and it is a daemon"""
    for found in explore(thread_of, schedules=5):
        expect(
            found,
            "After start() no thread is named 'autosave'.",
            idea="A thread takes its name when it is made. It is what you will read in logs and stack dumps.",
        )
        expect(all(found), "The thread 'autosave' is no daemon.", idea="Who waits for it when the program ends?")


@scenario
def close_dirty(student: Any, start: bool) -> list[Any]:
    """Documents that were saved when close() came back, and in the end."""
    disk = Disk(seconds=1)
    saver = student.AutoSaver(disk.save, interval=3600)
    saver.mark_dirty("letter", b"v1")
    if start:
        saver.start()
    saver.mark_dirty("diary", b"w1")
    saver.mark_dirty("letter", b"v2")
    answer = told(saver.close)
    at_close = sorted(disk.saved)
    time.sleep(100)
    return [answer, at_close, sorted(disk.saved)]


def expect_saved(found: list[Any], story: str) -> None:
    answer, at_close, later = found
    due = [["diary", "w1"], ["letter", "v2"]]
    expect(answer == "returned", f"{story}, each of them takes a second to save: close() {answer}.", idea=LAST_SAVE)
    expect(
        at_close == due or later != due,
        f"{story}: {len(at_close)} of them were saved when close() returned, and the rest some time later.",
        idea="Whoever calls close() ends the program next. What must have happened before it returns?",
    )
    shown = ", ".join(f"{name} {text!r}" for name, text in at_close)
    expect(
        at_close == due,
        f"{story}, letter as 'v2'; close() returned, and {f'saved were: {shown}' if shown else 'nothing was saved'}.",
        idea=LAST_SAVE,
    )


@kind("correctness")
def test_close_saves_what_is_dirty(explore: Explore) -> None:
    """close() saves everything that is dirty, and returns when that is done"""
    for found in explore(close_dirty, True, schedules=40):
        expect_saved(found, "2 documents were dirty")


@kind("failure")
def test_close_without_start_saves_as_well(explore: Explore) -> None:
    """close() of a saver that was never started saves everything as well"""
    for found in explore(close_dirty, False, schedules=10):
        expect_saved(found, "The saver was not started, and 2 documents were dirty")


@scenario
def close_again(student: Any) -> list[Any]:
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=30)
    saver.start()
    saver.mark_dirty("letter", b"v1")
    answers = [told(saver.close), told(saver.close), told(saver.mark_dirty, "letter", b"v2"), told(saver.close)]
    time.sleep(100)
    return [answers, disk.asked]


@kind("failure")
def test_a_closed_saver_can_be_closed_again(explore: Explore) -> None:
    """When all is saved, closing again does nothing; mark_dirty after close() is a RuntimeError"""
    for answers, asked in explore(close_again, schedules=10):
        first, second, mark, third = answers
        expect(first == "returned", f"One document was dirty: close() {first}.", idea=LAST_SAVE)
        expect(
            second == third == "returned",
            f"close() of a closed saver {second if second != 'returned' else third}.",
            idea="What does each line of close() do when it runs for the second time?",
        )
        expect(
            mark == "raised RuntimeError",
            f"After close(), mark_dirty {mark}; RuntimeError was due.",
            idea="What is marked now will never be saved. Who is to know that?",
        )
        expect(
            asked == [["letter", "v1"]],
            f"letter 'v1' was marked, then the saver was closed three times: save was called {len(asked)} times.",
            idea="How often is there a last save, and what is dirty after it?",
        )


@scenario
def in_a_block(student: Any, fails: bool) -> list[Any]:
    disk = Disk()
    made = student.AutoSaver(disk.save, interval=10)
    out = "nothing"
    error = LookupError("the editor has crashed")
    ticked = 0
    try:
        with made as saver:
            made.mark_dirty("letter", b"v1")
            time.sleep(15)
            ticked = len(disk.saved)
            made.mark_dirty("letter", b"v2")
            if fails:
                raise error
    except LookupError as raised:
        out = "it" if raised is error else "another one"
    return [saver is made, ticked, disk.saved, out, told(made.mark_dirty, "letter", b"v3")]


@kind("correctness")
def test_a_with_block_starts_and_closes(explore: Explore) -> None:
    """A with block starts the saver and closes it, also when the block raises"""
    for fails in (False, True):
        how = "raised LookupError" if fails else "ended"
        for same, ticked, saved, out, mark in explore(in_a_block, fails, schedules=10):
            expect(same, "`with saver as x`: x is another object than saver.", idea="What does __enter__ return?")
            expect(ticked == 1, "Inside the with block the tick saved nothing.", idea="Who starts the thread?")
            expect(
                saved == [["letter", "v1"], ["letter", "v2"]] and mark == "raised RuntimeError",
                f"letter 'v2' was dirty when the with block {how}; saved were {', '.join(text for _, text in saved)}, "
                f"and mark_dirty {mark}.",
                idea="The end of the block is the end of the saver, whatever has led there.",
            )
            expect(
                out == ("it" if fails else "nothing"),
                f"The with block {how}; {out} came out.",
                idea="What __exit__ returns decides whether an exception goes on.",
            )


# -- failures --------------------------------------------------------------------------------------------------------


@scenario
def fail_twice(student: Any) -> list[Any]:
    """The first two saves of letter fail. What was asked for in each of four ticks, the errors, what ended a thread."""
    died: list[str] = []
    threading.excepthook = lambda args: died.append(args.exc_type.__name__)
    disk = Disk(failures={"letter": 2})
    saver = student.AutoSaver(disk.save, interval=10)
    before = [list(saver.errors)]
    saver.mark_dirty("atlas", b"u1")
    saver.mark_dirty("letter", b"v1")
    saver.mark_dirty("diary", b"w1")
    saver.start()
    ticks: list[list[str]] = []
    for _ in range(4):
        seen = len(disk.asked)
        time.sleep(12 if not ticks else 10)
        ticks.append(sorted(name for name, _ in disk.asked[seen:]))
        if died:
            return [died[0], ticks, disk.saved, [], False]
    errors = [[name, any(error is raised for raised in disk.raised)] for name, error in saver.errors]
    told(saver.close)
    return ["", ticks, disk.saved, errors, before == [[]]]


@kind("failure")
def test_a_save_that_fails_is_tried_again(explore: Explore) -> None:
    """A save that fails is recorded and tried again at the next tick, the other documents are saved, the thread lives on"""
    for died, ticks, _, errors, empty in explore(fail_twice, schedules=10):
        expect(
            not died,
            f"save of letter raised {died}, and that ended a thread of the saver: from now on nothing is saved any more.",
            idea=LIVES_ON,
        )
        expect(empty, "A new saver has errors.", idea="errors is a list, and empty at first.")
        first, second, third, fourth = ticks
        expect(
            {"atlas", "diary"} <= {*first},
            f"atlas, letter and diary were dirty, and the save of letter failed; this tick saved {', '.join(n for n in first if n != 'letter') or 'no other'}.",
            idea=LIVES_ON,
        )
        shown = "; ".join(", ".join(tick) or "nothing" for tick in ticks)
        expect(
            first.count("letter") == 1 and second == third == ["letter"] and not fourth,
            f"save of letter failed twice. Saves of the four ticks: {shown}. letter was due once in each of the first three.",
            idea="A document whose save failed is still dirty, and its next turn is the next tick."
            if "letter" in first
            else "What does the tick do with a document that is dirty?",
        )
        expect(
            errors == [["letter", True]] * 2,
            f"save of letter failed twice; errors holds {len(errors)} entries"
            f"{', and not the exceptions that save raised' if len(errors) == 2 else ''}.",
            idea="Each failure adds one tuple to errors: the name, and that very exception.",
        )


@scenario
def fail_at_the_end(student: Any) -> list[Any]:
    disk = Disk(failures={"letter": 1000})
    saver = student.AutoSaver(disk.save, interval=3600)
    saver.start()
    saver.mark_dirty("letter", b"v1")
    saver.mark_dirty("diary", b"w1")
    answer = told(saver.close, timeout=60)
    return [answer, sum(name == "letter" for name, _ in disk.asked), [name for name, _ in saver.errors], disk.saved]


@kind("failure")
def test_a_last_save_that_fails_is_recorded(explore: Explore) -> None:
    """The last save fails: it is recorded, the other documents are saved, and close() returns"""
    for answer, asked, errors, saved in explore(fail_at_the_end, schedules=10):
        expect(
            answer == "returned" and asked == 1,
            f"save of letter failed during close(): close() {answer}, and save was asked for it {asked} times. Once was due.",
            idea="The last save is tried once. Who would wait for a disk that may be full for days?",
        )
        expect(
            errors == ["letter"],
            f"save of letter failed during close(); errors holds {errors}.",
            idea="Whoever quits wants to know what was not saved. Where does the last save leave its exception?",
        )
        expect(
            saved == [["diary", "w1"]], "save of letter failed during close(), and diary was not saved.", idea=LIVES_ON
        )


# -- typing while the saver works ------------------------------------------------------------------------------------


@scenario
def type_while_saving(student: Any) -> list[Any]:
    """letter v1 and atlas are saved, a minute each; letter v2 and a new document are marked, and saved by a later tick."""
    died: list[str] = []
    threading.excepthook = lambda args: died.append(f"{args.exc_type.__name__}: {args.exc_value}")
    disk = Disk(seconds=60)
    saver = student.AutoSaver(disk.save, interval=10)
    saver.mark_dirty("letter", b"v1")
    saver.mark_dirty("atlas", b"u1")
    saver.start()
    begun = disk.inside.wait(100)
    marks = [timed(saver.mark_dirty, "letter", b"v2")[1], timed(saver.mark_dirty, "diary", b"w1")[1]]
    time.sleep(60 + 60 + 20 + 120 + 20)
    later = disk.saved[:]
    ended = died[0] if died else ""
    told(saver.close, timeout=1000)
    return [begun, max(marks), later, disk.saved, disk.most, ended]


@kind("schedules")
def test_what_is_typed_during_a_save_is_saved_later(explore: Explore) -> None:
    """What is marked while that document is being saved is saved by a later tick; saves never run at the same time"""
    for begun, _, later, final, most, died in explore(type_while_saving, schedules=20, points=100_000):
        expect(
            begun,
            "interval=10: 100 s after start(), a document that had been marked before it was not being saved.",
            idea="Documents may be marked before start().",
        )
        expect(
            not died,
            f"While a save was running, one more document was marked; {died}, and that ended a thread of the saver.",
            idea="The tick is in the middle of its work when something new is marked. What does it walk through, and who else changes that?",
        )
        saved = [text for name, text in later if name == "letter"]
        expect(
            saved == ["v1", "v2"],
            f"While letter v1 was being saved, v2 was marked. Two ticks later {' and '.join(saved) or 'nothing'} had been saved"
            f"{', and v2 not even by close()' if ['letter', 'v2'] not in final else ''}.",
            idea=FORGETS,
        )
        expect(
            later.count(["diary", "w1"]) == 1,
            f"A save was running when diary was marked; two ticks later diary had been saved {later.count(['diary', 'w1'])} times.",
            idea="Which documents does a tick look at, and what happens to those that come while it is at work?",
        )
        expect(
            most == 1,
            f"interval=10, and a save takes a minute: {most} saves ran at the same time.",
            idea="Disks are slow at two things at once, and of two saves of one document the older may end last. How many threads call save?",
        )


@kind("correctness")
def test_mark_dirty_never_waits_for_a_save(explore: Explore) -> None:
    """mark_dirty returns at once while a save is running"""
    for _, waited, *_ in explore(type_while_saving, schedules=20, points=100_000):
        expect(
            waited < 0.1,
            f"A save takes a minute; mark_dirty, called meanwhile, returned after {waited:g} s.",
            idea="The person who types waits for mark_dirty, and mark_dirty for a lock. Who holds it, and for how long?",
        )


@scenario
def fail_while_typing(student: Any) -> list[Any]:
    disk = Disk(seconds=1, failures={"letter": 1})
    saver = student.AutoSaver(disk.save, interval=10)
    saver.mark_dirty("letter", b"v1")
    saver.start()
    disk.inside.wait(20)
    saver.mark_dirty("letter", b"v2")
    time.sleep(35)
    told(saver.close)
    return [text for _, text in disk.asked]


@kind("schedules")
def test_a_failure_does_not_bring_old_content_back(explore: Explore) -> None:
    """The save of v1 fails while v2 is marked: the next tick saves v2"""
    for asked in explore(fail_while_typing, schedules=30):
        expect(
            asked == ["v1", "v2"],
            f"The save of letter v1 failed, and v2 was marked meanwhile: save was asked for {', then '.join(asked)}.",
            idea="What failed is put back among what is dirty. What may stand there already, and which of the two is newer?",
        )


# -- quitting while others are at work -------------------------------------------------------------------------------


@scenario
def close_in_vain(student: Any, seconds: float, documents: int, timeout: float | None, running: bool) -> list[Any]:
    """close(timeout) while the saves take longer; then mark_dirty, then close(1000), and what is saved at last."""
    disk = Disk(seconds)
    saver = student.AutoSaver(disk.save, interval=10)
    saver.start()
    for number in range(documents):
        saver.mark_dirty(f"page {number}" if number else "letter", b"text")
    if running:
        disk.inside.wait(15)
    first = timed(saver.close) if timeout is None else timed(saver.close, timeout)
    mark = told(saver.mark_dirty, "late", b"text")
    second = told(saver.close, timeout=1000)
    return [*first, mark, second, sum(name != "late" for name, _ in disk.saved)]


@kind("failure")
def test_close_gives_up_after_its_timeout(explore: Explore) -> None:
    """Saving takes longer than close(timeout) may: TimeoutError when the time is up; a later close() waits again"""
    for seconds, documents, timeout, running in (
        (20, 1, 3, False),
        (2, 4, 3, False),
        (20, 2, None, False),
        (20, 1, 3, True),
    ):
        limit = timeout or 5
        call = f"close({timeout or ''})"
        plural = "s" if documents > 1 else ""
        story = f"{documents} document{plural} of which each takes {seconds} s to save, {'one is being saved, ' if running else ''}{call}"
        for answer, took, mark, second, saved in explore(
            close_in_vain, seconds, documents, timeout, running, schedules=8, points=100_000
        ):
            expect(
                answer == "raised TimeoutError",
                f"{story} {answer} after {took:g} s; TimeoutError after {limit} s was due.",
                idea=TIMEOUT
                if took < limit + 0.5
                else "Whose time does the last save take, and who looks at the clock meanwhile?",
            )
            expect(
                limit - 0.5 < took < limit + 0.5,
                f"{story} {answer} after {took:g} s, not after {limit} s.",
                idea="The timeout covers the whole call, however many saves and waits there are in it.",
            )
            expect(
                mark == "raised RuntimeError",
                f"{call} raised TimeoutError; after that mark_dirty {mark}; RuntimeError was due.",
                idea="close() has been called: nothing new is taken, even if it is still at work.",
            )
            expect(
                second == "returned" and saved == documents,
                f"{call} raised TimeoutError; close(1000) then {second}, and {saved} of {documents} documents were saved.",
                idea="Giving up waiting changes nothing for the thread. What does the second close() wait for?",
            )


@scenario
def two_quit(student: Any) -> list[Any]:
    disk = Disk(seconds=1)
    saver = student.AutoSaver(disk.save, interval=3600)
    saver.start()
    saver.mark_dirty("letter", b"v1")

    def leave() -> list[Any]:
        return [told(saver.close), len(disk.saved)]

    return [*together(leave, leave, names=("window", "menu")), len(disk.asked)]


@kind("schedules")
def test_two_threads_close_at_the_same_time(explore: Explore) -> None:
    """Two threads call close() at the same time: both return, and not before everything is saved"""
    for one, other, asked in explore(two_quit, schedules=100):
        for answer, saved in (one, other):
            expect(
                answer == "returned",
                f"Two threads called close() at the same time: one {answer}.",
                idea="Which step of close() may happen only once?",
            )
            expect(
                saved == 1,
                "Two threads called close() at the same time: one of them returned before the document was saved.",
                idea="What does the second one know when it sees that the first has begun to close?",
            )
        expect(
            asked == 1,
            f"Two threads called close(): one document was saved {asked} times.",
            idea="Who makes the last save?",
        )


@scenario
def close_while_saving(student: Any, fails: bool) -> list[Any]:
    """letter v1 is being saved when v2 is marked (or the save of v1 fails), and close() comes."""
    disk = Disk(seconds=5, failures={"letter": 1} if fails else {})
    saver = student.AutoSaver(disk.save, interval=10)
    saver.start()
    saver.mark_dirty("letter", b"v1")
    disk.inside.wait(20)
    if not fails:
        saver.mark_dirty("letter", b"v2")
    answer = told(saver.close, timeout=60)
    return [answer, disk.most, disk.saved]


@kind("schedules")
def test_close_during_a_save(explore: Explore) -> None:
    """close() comes while a save is running: that one ends first, then what is dirty is saved once more"""
    for fails in (False, True):
        what = "its save failed" if fails else "v2 was marked"
        for answer, most, saved in explore(close_while_saving, fails, schedules=40):
            expect(
                most <= 1,
                f"letter v1 was being saved when close() came: {most} saves ran at the same time.",
                idea="Two saves of one document at the same time: which one ends last? Who may call save, and who waits for whom?",
            )
            texts = [text for _, text in saved]
            expect(
                answer == "returned" and texts[-1:] == (["v1"] if fails else ["v2"]),
                f"letter v1 was being saved, {what}, and close() came meanwhile: close() {answer}, and saved was "
                f"{' and '.join(texts) or 'nothing'}.",
                idea="The tick that is at work when close() comes looked at the documents before that. Who looks once more?",
            )


@scenario
def type_at_the_tick(student: Any) -> dict[str, str]:
    """The last content of each document that was saved, when marks and close() come at the moment of a tick."""
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=1)
    saver.mark_dirty("letter", b"v1")
    saver.start()
    time.sleep(1)
    saver.mark_dirty("letter", b"v2")
    saver.mark_dirty("diary", b"w1")
    for _ in range(30):  # where waits may end early, also those of close() do
        if told(saver.close, timeout=1000) == "returned":
            break
    return {name: text for name, text in disk.saved}


@kind("schedules")
def test_nothing_is_lost_at_the_moment_of_a_tick(explore: Explore) -> None:
    """v1 is marked, then v2, and a tick comes at any moment: v2 is saved last, and no document is forgotten"""
    for early in (False, True):
        for last in explore(type_at_the_tick, schedules=150, adversarial_timeouts=early):
            expect(
                last.get("letter") == "v2",
                f"letter v1 and v2 were marked about the time of a tick, then came close(): saved last was {last.get('letter', 'nothing')}.",
                idea="Taking what is dirty and declaring it clean must be one step for those who mark. Which lock makes it one?",
            )
            expect(
                last.get("diary") == "w1",
                "diary was marked at about the time of a tick, then came close(): it was never saved.",
                idea="Taking what is dirty and declaring it clean must be one step for those who mark. Which lock makes it one?",
            )


@scenario
def mark_and_quit(student: Any, start: bool) -> list[Any]:
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=3600)
    if start:
        saver.start()
    mark, quit_ = together(
        lambda: told(saver.mark_dirty, "letter", b"v1"), lambda: told(saver.close), names=("typist", "quitter")
    )
    return [mark, quit_, len(disk.saved)]


@kind("schedules")
def test_what_is_marked_at_the_moment_of_close(explore: Explore) -> None:
    """mark_dirty and close() at the same time: the content is saved, or mark_dirty raises RuntimeError"""
    for start in (True, False):
        for mark, answer, saved in explore(mark_and_quit, start, schedules=150):
            expect(answer == "returned", f"mark_dirty and close() at the same time: close() {answer}.", idea=LAST_SAVE)
            expect(
                mark == "raised RuntimeError" or saved == 1,
                "mark_dirty returned at the moment of close(), and the content was never saved.",
                idea=ONE_STEP,
            )


# -- pausing ---------------------------------------------------------------------------------------------------------


@scenario
def pause_during_a_save(student: Any) -> list[Any]:
    """Saves running when pause() returned, begun until resume(), and what is saved two ticks after that."""
    disk = Disk(seconds=1)
    saver = student.AutoSaver(disk.save, interval=10)
    saver.mark_dirty("letter", b"v1")
    saver.mark_dirty("diary", b"w1")
    saver.start()
    disk.inside.wait(20)
    saver.pause()
    running, asked = disk.running, len(disk.asked)
    saver.mark_dirty("letter", b"v2")
    time.sleep(100)
    begun = len(disk.asked) - asked
    saver.resume()
    time.sleep(25)
    saved = sorted(disk.saved)
    told(saver.close)
    return [running, begun, saved]


@kind("schedules")
def test_pause_waits_for_the_save_that_is_running(explore: Explore) -> None:
    """pause() returns when no save is running; none begins until resume(); after that everything is saved"""
    for running, begun, saved in explore(pause_during_a_save, schedules=40, points=100_000):
        expect(running == 0, f"pause() returned while {running} save was still running.", idea=PAUSED)
        expect(
            begun == 0,
            f"{begun} saves began between the return of pause() and resume().",
            idea="Where does the thread look whether it is paused: before each tick, or before each save? Who may change that in between?",
        )
        shown = ", ".join(f"{name} {text!r}" for name, text in saved)
        expect(
            saved == [["diary", "w1"], ["letter", "v1"], ["letter", "v2"]],
            f"pause() came while letter v1 was being saved, diary was still dirty, and letter v2 was marked during the pause. "
            f"Two ticks after resume() these were saved: {shown or 'none'}.",
            idea="A pause puts saves off. What happens to the documents that the tick had taken already?",
        )


@scenario
def pause_at_the_tick(student: Any, between: bool) -> list[Any]:
    """Saves that were running at any time between the return of pause() and resume(), and those that are done in the end.

    `between`: pause() is called when the first of two saves of a tick is about to end.
    """
    during: list[int] = []
    first_ends = threading.Event()
    paused = False

    def meanwhile() -> None:
        first_ends.set()
        if paused:
            during.append(1)

    disk = Disk()
    disk.meanwhile = meanwhile
    saver = student.AutoSaver(disk.save, interval=1)
    saver.mark_dirty("letter", b"v1")
    saver.mark_dirty("diary", b"v1")
    saver.start()
    if between:
        first_ends.wait()
    else:
        time.sleep(1)
    saver.pause()
    paused = True
    time.sleep(10)
    paused = False
    saver.resume()
    for _ in range(30):  # where waits may end early, also those of close() do
        if told(saver.close, timeout=1000) == "returned":
            break
    return [len(during), sorted(disk.saved)]


@kind("schedules")
def test_no_save_begins_during_a_pause(explore: Explore) -> None:
    """pause() and a tick come at the same moment: no save runs after pause() has returned"""
    for early, between in ((False, False), (True, False), (False, True)):
        outcomes = itertools.chain(
            explore(pause_at_the_tick, between, schedules=100, seconds=1.5, adversarial_timeouts=early),
            explore(pause_at_the_tick, True, bound=1, schedules=300, seconds=1.5) if between else (),
        )
        when = "between two saves" if between else "at the moment"
        for during, saved in outcomes:
            expect(
                not during,
                f"pause() came {when} of a tick: it returned, and then a save ran.",
                idea="The thread saw that it was not paused, and saves. Which step tells pause() that a save has begun, and what may come in before it?",
            )
            expect(
                saved == [["diary", "v1"], ["letter", "v1"]],
                f"pause() came {when} of a tick, then resume() and close(): of diary and letter were saved "
                f"{', '.join(name for name, _ in saved) or 'none'}.",
                idea="A pause puts saves off; it drops none.",
            )


@scenario
def pause_at_rest(student: Any, when: str) -> list[Any]:
    """What pause() came to, saves in the next 100 s, what close() came to (or resume() and two ticks), and saves then."""
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=10)
    if when == "before start()":
        paused = timed(saver.pause)
        saver.start()
    else:
        saver.start()
        time.sleep(15)
        paused = timed(saver.pause)
    saver.mark_dirty("letter", b"v1")
    time.sleep(100)
    during = len(disk.asked)
    closed = ["", 0]
    if when == "after a tick":
        saver.resume()
        time.sleep(25)
    else:
        closed = timed(saver.close, timeout=60)
    saved = len(disk.saved)
    told(saver.close)
    return [*paused, during, *closed, saved]


@kind("correctness")
def test_pause_holds_nobody_up(explore: Explore) -> None:
    """pause() returns at once when nothing is being saved; ticks go on after resume(); close() saves also during a pause"""
    for when in ("after a tick", "before start()", "while it waits"):
        for answer, seconds, during, closed, took, saved in explore(pause_at_rest, when, schedules=20, points=100_000):
            expect(
                answer == "returned" and seconds < 0.1,
                f"pause() {when}, with nothing being saved, {answer} after {seconds:g} s.",
                idea="Which fact does pause() wait for? It is a fact already when no save is running.",
            )
            expect(
                not during,
                f"pause() was called {when}; letter was marked, and saved before anybody called resume().",
                idea="What does the thread look at when a tick comes?",
            )
            if not closed:
                expect(
                    saved == 1,
                    f"letter was marked during a pause; two ticks after resume() it was saved {saved} times.",
                    idea="What does a tick that comes during a pause do with what is dirty, and how does the thread go on?",
                )
                continue
            expect(
                closed == "returned" and took < 0.1 and saved == 1,
                f"letter was marked during a pause, then came close(): it {closed} after {took:g} s, and {saved} documents were saved.",
                idea="Quitting loses nothing: close() ends a pause, too. What does the thread wait for during one?",
            )


# -- all together ----------------------------------------------------------------------------------------------------


@scenario
def wait_for_hours(student: Any, who: str) -> list[Any]:
    found: list[Any] = []
    disk = Disk()
    saver = student.AutoSaver(disk.save, interval=1e6)
    saver.start()
    if who == "pause()":
        saver.pause()
        found = [*quiet()]
        saver.resume()
    elif who == "close()":
        saver.mark_dirty("letter", b"v1")
        time.sleep(0.1)

        def watch() -> None:
            found.extend(quiet())

        disk.meanwhile = watch
        told(saver.close, timeout=1e6)
    else:
        saver.mark_dirty("letter", b"v1")
        found = [*quiet()]
    told(saver.close, timeout=60)
    return found or [0, 0]


@scenario
def pause_for_hours(student: Any) -> list[Any]:
    """pause() waits for a save that takes hours."""
    found: list[Any] = []
    disk = Disk()

    def watch() -> None:
        found.extend(quiet())

    disk.meanwhile = watch
    saver = student.AutoSaver(disk.save, interval=1e6)
    saver.mark_dirty("letter", b"v1")
    saver.start()
    disk.inside.wait(2e6)
    saver.pause()
    disk.meanwhile = None
    told(saver.close, timeout=60)
    return found or [0, 0]


@kind("bounds")
def test_who_waits_takes_no_steps(explore: Explore) -> None:
    """The thread between two ticks and in a pause, close() and pause() during a save: none of them does anything, for hours"""
    stories = {
        "the thread": "interval=1e6: the thread waited for a tick",
        "pause()": "interval=1e6: the saver was paused",
        "close()": "close() waited for a save",
    }
    for who, story in stories.items():
        for seconds, taken in explore(wait_for_hours, who, schedules=3):
            expect(
                taken <= 3,
                f"{story}, and nothing happened: in {seconds:g} s threads took {taken} steps.",
                idea=NOBODY_POLLS,
            )
    for seconds, taken in explore(pause_for_hours, schedules=3):
        expect(
            taken <= 3,
            f"pause() waited for a save, and nothing happened: in {seconds:g} s threads took {taken} steps.",
            idea=NOBODY_POLLS,
        )


@scenario
def two_savers(student: Any) -> list[Any]:
    disks = [Disk(failures={"letter": 1}), Disk()]
    savers = [student.AutoSaver(disk.save, interval=10) for disk in disks]
    for saver in savers:
        saver.start()
    savers[0].mark_dirty("letter", b"v1")
    told(savers[0].close)
    after = told(savers[1].mark_dirty, "diary", b"w1")
    time.sleep(15)
    found = [after, disks[0].asked, disks[1].asked, len(savers[1].errors)]
    told(savers[1].close)
    return found


@kind("correctness")
def test_two_savers_have_nothing_in_common(explore: Explore) -> None:
    """Two savers have nothing in common"""
    for after, one, other, errors in explore(two_savers, schedules=10):
        expect(
            after == "returned" and one == [["letter", "v1"]] and other == [["diary", "w1"]] and not errors,
            f"letter was marked in one saver, that one was closed, and diary was marked in another one: mark_dirty {after}; the one was asked to "
            f"save {', '.join(name for name, _ in one) or 'nothing'}, the other {', '.join(name for name, _ in other) or 'nothing'}, "
            f"and the other has {errors} errors.",
            idea="What belongs to one saver, and what to the class or the module? Attributes are made in __init__.",
        )


@scenario
def use(student: Any) -> None:
    disk = Disk(failures={"letter": 1})
    with student.AutoSaver(disk.save, interval=3600) as saver:
        saver.mark_dirty("letter", b"v1")
        saver.pause()
    slow = Disk(seconds=0.05)  # so that the tick is still at work when close() comes
    quick = student.AutoSaver(slow.save, interval=0.01)
    quick.mark_dirty("letter", b"v1")
    quick.start()
    slow.inside.wait(5)
    quick.close()
    never = student.AutoSaver(disk.save)
    never.mark_dirty("diary", b"w1")
    never.close()


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """No thread is left when savers are closed"""
    submission.run(use)
    submission.finish().expect_none()
