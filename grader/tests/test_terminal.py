"""Feedback in the terminal: eight lines, as wide as the screen, with pictures where they say more than words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from grader.judge import trace
from grader.render import pictures, schedule, terminal
from grader.render.screen import Screen, cut, wrapped
from grader.tests.test_text import HOSTILE, OBEYED, STEERS
from grader.verdict import NOT_MEASURED, CheckResult, ExerciseResult, Kind, Verdict

ASCII = Screen(80, unicode=False)
Data = dict[str, Any]


def step(thread: str, line: int, source: str, state: dict[str, str] | None = None, **more: Any) -> Data:
    return {"thread": thread, "file": "a.py", "line": line, "function": "f", "source": source, "state": state or {}, **more}  # fmt: skip


RACE = [
    step("main", 1, "office = Office()"),
    step("buyer 1", 7, "if self.left > 0:", {"self.left": "1"}),
    step("buyer 1", 8, "self.left -= 1", {"self.left": "1"}),
    step("buyer 2", 7, "if self.left > 0:", {"self.left": "1"}),
    step("buyer 2", 8, "self.left -= 1", {"self.left": "1"}),
    step("buyer 1", 8, "self.left -= 1", {"self.left": "0"}),
]
LOCKED = [{**step, "holds": ["self.lock"]} if step["line"] == 8 else step for step in RACE]


def failed(message: str, evidence: Data | None, advice: str = "Think.", verdict: Verdict = Verdict.FAILED) -> CheckResult:  # fmt: skip
    return CheckResult("test_x", "One seat", Kind.SCHEDULES, verdict, 0.1, message, advice, "a.py", 7, evidence)


def result_of(*checks: CheckResult, path: str = "exercises/threads/tiny/tiny.py") -> ExerciseResult:
    return ExerciseResult("tiny", "threads", checks[0].verdict, 50, 100, 0.1, {"path": path}, checks)


def shown(check: CheckResult, screen: Screen = ASCII, path: str = "exercises/threads/tiny/tiny.py") -> list[str]:
    """The lines below the check's own, without their margin."""
    _, *lines = terminal.failure(check, result_of(check, path=path), screen)
    return [line.plain.removeprefix(terminal.MARGIN) for line in lines]


def race(steps: list[Data], note: str = "No lock was held.", evidence: Data | None = None, **more: Any) -> CheckResult:
    message = "\n".join(["Two buyers got the seat.", *filter(None, [note]), *trace.lines(steps)])
    return failed(message, evidence or {"type": "schedule", "token": "kt1-1a-0", "steps": steps}, **more)


# -- schedules ------------------------------------------------------------------------------------------------------


def test_the_trace_has_one_column_per_thread() -> None:
    assert shown(race(RACE)) == [
        "Two buyers got the seat. No lock was held.",
        "buyer 1                                         | buyer 2",
        "7 if self.left > 0:  (left=1) ... stops at line 8",
        "                                                | 8 self.left -= 1  (left=1)",
        "8 self.left -= 1  (left=0)                      |",
        "Think: Think.",
        "See it: grader replay tiny kt1-1a-0",
    ]


def test_locks_are_told_where_they_were_held() -> None:
    lines = shown(race(LOCKED))
    assert "8 self.left -= 1  (left=1; holds self.lock)" in lines[3]
    assert "holds" not in lines[2]


def test_a_thread_that_had_to_wait_says_for_what() -> None:
    steps = [{**step, "waits": "self.lock"} if number == 2 else step for number, step in enumerate(RACE)]
    assert "... waits for self.lock" in shown(race(steps))[2]


def test_three_threads_are_told_one_line_after_the_other() -> None:
    steps = [*RACE, step("buyer 3", 7, "if self.left > 0:", {"self.left": "-1"})]
    lines = shown(race(steps))
    assert lines[1] == "buyer 1: line 7: if self.left > 0:  (left=1) ... stops at line 8"
    assert lines[4] == "buyer 3: line 7: if self.left > 0:  (left=-1)"


def test_a_long_line_is_cut_and_still_says_where_it_stops() -> None:
    steps = [{**step, "source": step["source"] + "  # " + "x" * 80} for step in RACE]
    lines = shown(race(steps))
    assert lines[2].endswith("... stops at line 8")
    assert max(map(len, lines)) <= 76


def test_long_names_leave_no_room_for_columns() -> None:
    steps = [{**step, "thread": step["thread"] * 5} for step in RACE[1:]]
    assert shown(race(steps))[1].startswith("buyer 1buyer 1")
    assert "line 7" in shown(race(steps))[1]


def test_the_end_of_a_long_schedule_is_shown() -> None:
    steps = [step(f"buyer {1 + n % 2}", n, f"line_{n}()") for n in range(40)]
    lines = shown(race(steps, advice="word " * 40))
    assert "left out" in lines[1]
    assert "line_39()" in "".join(lines)
    assert len(lines) == 8


def test_a_message_without_its_trace_keeps_its_own_lines() -> None:
    """A fault that needs no bad moment is told without a schedule."""
    check = failed("It is wrong.\n  always", {"type": "schedule", "token": "kt1-1a-0", "steps": RACE})
    assert shown(check)[:3] == ["It is wrong.", "  always", "Think: Think."]


# -- deadlocks ------------------------------------------------------------------------------------------------------


def wait(thread: str, holder: str, label: str, **more: Any) -> Data:
    return {"thread": thread, "waits": "for a lock", "file": "a.py", "line": 4, "source": "", "label": label,
            "holder": holder, "holder_line": 3, "holder_label": label, **more}  # fmt: skip


def deadlock(cycle: list[Data], message: str = "Nobody can go on.") -> CheckResult:
    evidence = {"type": "deadlock", "token": "kt1-1a-0", "steps": RACE, "cycle": cycle}
    return failed(message, evidence, verdict=Verdict.HUNG)


RING = [wait("a", "b", "self.y"), wait("b", "a", "self.x")]


def test_a_deadlock_is_a_sentence_and_arrows() -> None:
    assert shown(deadlock(RING)) == [
        "Nobody can go on.",
        "a --waits for--> self.y (line 4) --held by--> b (line 3)",
        "b --waits for--> self.x (line 4) --held by--> a (line 3)",
        "Think: Think.",
        "See it: grader replay tiny kt1-1a-0",
    ]


def test_arrows_are_drawn_where_the_screen_can_show_them() -> None:
    assert "a ──waits for──▶ self.y" in shown(deadlock(RING), Screen())[1]


def test_locks_of_one_name_get_the_letters_of_the_message() -> None:
    cycle = [wait("a", "b", "locks[name]"), wait("b", "a", "locks[name]")]
    lines = shown(deadlock(cycle))
    assert "waits for--> lock B (line 4)" in lines[1]
    assert "waits for--> lock A (line 4)" in lines[2]


def test_a_long_sentence_gives_way_to_the_picture_that_says_the_same() -> None:
    lines = shown(deadlock([wait("a", "b", "locks[name]"), wait("b", "a", "locks[name]")], "word " * 70))
    assert lines[0] == "a and b wait for each other."
    assert lines[3] == "lock A: locks[name], lock B: locks[name]"
    assert "See it" in lines[-1]


def test_who_waits_for_a_thread_of_no_ring_is_in_the_picture() -> None:
    cycle = [wait("reader", "", "", waits="for an item in a queue"), wait("writer", "reader", "self.x")]
    assert shown(deadlock(cycle))[1:3] == [
        "reader --waits--> for an item in a queue (line 4)",
        "writer --waits for--> self.x (line 4) --held by--> reader (line 3)",
    ]


def test_those_of_whom_the_message_does_not_speak_are_named() -> None:
    cycle = [wait(name, "", "", waits="to be notified") for name in ("reader 1", "reader 2", "reader 3")]
    lines = shown(deadlock(cycle, "reader 1 waits to be notified at line 4."))
    assert lines[1] == "Also waiting: reader 2 at line 4, reader 3 at line 4."


def test_no_arrow_is_drawn_half() -> None:
    assert pictures.arrows(RING, ASCII, 30) == []


@pytest.mark.parametrize("cycle", [None, "x", [], [1], [{"thread": 1}]])
def test_a_cycle_of_another_form_is_no_picture(cycle: Any) -> None:
    assert pictures.arrows(cycle, ASCII, 76) == []


# -- speed ----------------------------------------------------------------------------------------------------------


def test_a_speed_up_is_measured_against_need_and_machine() -> None:
    (line,) = pictures.bar({"ratio": 1.0, "need": 1.5, "effective_cores": 2.0}, 76)
    assert re.fullmatch(r"you 1\.00x \[=+\.+\|\.+\] need 1\.50x, machine 2\.0 cores", line)
    bar = line[line.index("[") + 1 : line.index("]")]
    assert bar.count("=") * 2 == len(bar)


def test_waiting_that_overlaps_is_not_measured_against_cores() -> None:
    (line,) = pictures.bar({"ratio": 1.0, "need": 4.0, "effective_cores": 2.0}, 76)
    assert "cores" not in line


@pytest.mark.parametrize("number", [None, "1", 0, -1, float("nan"), float("inf")])
def test_a_bar_needs_numbers(number: Any) -> None:
    assert pictures.bar({"ratio": number, "need": 1.5, "effective_cores": 2.0}, 76) == []


# -- all of them ----------------------------------------------------------------------------------------------------


THREADS = st.sampled_from(["buyer 1", "buyer 2", "\x1b[31m", "x" * 70, "日本" * 9])
STEPS = st.lists(
    st.builds(
        lambda thread, line, source, state, more: step(thread, line, source, state, **more),
        THREADS,
        st.integers(0, 10**6),
        HOSTILE,
        st.dictionaries(HOSTILE, HOSTILE, max_size=2),
        st.sampled_from([{}, {"holds": ["self.lock"]}, {"waits": "\x1b[2J"}, {"holds": 3, "waits": [1]}]),
    ),
    max_size=9,
)
WAITS = st.lists(st.builds(wait, THREADS, THREADS, HOSTILE), max_size=3)
SCREENS = st.builds(Screen, st.integers(20, 100), st.booleans())


@settings(max_examples=150)
@given(HOSTILE, HOSTILE, STEPS, WAITS, st.sampled_from(["schedule", "deadlock", "timing", "stacks"]), SCREENS)
@example("m", "word " * 90, RACE, RING, "deadlock", Screen(20))
@example("日本" * 90, "日本" * 90, RACE, RING, "schedule", Screen(80))
def test_a_failure_is_harmless_and_keeps_its_eight_lines_and_its_width(
    message: str, advice: str, steps: list[Data], cycle: list[Data], kind: str, screen: Screen
) -> None:
    evidence = {"type": kind, "steps": steps, "cycle": cycle, "ratio": 1.0, "need": 1.5, "effective_cores": 2.0}
    lines = shown(failed("\n".join([message, *trace.lines(steps)]), evidence, advice), screen)
    assert len(lines) <= 8
    assert max(map(cell_len, lines), default=0) <= screen.columns - 4
    text = "\n".join(lines)
    assert not STEERS.search(text)
    assert not OBEYED.search(text)


@settings(max_examples=50)
@given(STEPS, SCREENS)
def test_a_replay_keeps_to_the_width_of_the_screen(steps: list[Data], screen: Screen) -> None:
    for text in schedule.rows(steps, screen):
        assert not STEERS.search(text.plain)
        if len(schedule.names(steps)) < 3:
            assert all(cell_len(line) <= max(screen.columns, 26) for line in text.plain.splitlines())


def test_a_replay_tells_the_locks_when_they_change() -> None:
    told = [text.plain.partition("  ")[2] for text in schedule.rows(LOCKED, ASCII)]
    assert ["holds self.lock" in line for line in told] == [False, False, True, False, True, False]


def test_the_command_is_broken_only_between_words() -> None:
    *_, first, second = shown(race(RACE), path="a folder/" + "x" * 60 + ".py")
    assert first == "See it: grader replay tiny kt1-1a-0 \\"
    assert second.startswith("  --submission 'a folder/")


def test_a_long_title_goes_on_below_itself() -> None:
    check = failed("m", None)
    line = terminal.check_line(CheckResult("t", "word " * 30, check.kind, check.verdict, 0.1), ASCII).plain
    assert all(row.startswith(" " * terminal.TITLES + "word") for row in line.splitlines()[1:])


def test_only_the_first_failure_is_told_in_full() -> None:
    checks = [race(RACE), failed("another", None), failed("another", None, "b"), failed(NOT_MEASURED, None)]
    lines = [line.plain for line in terminal.exercise(result_of(*checks), ASCII)]
    assert sum("Think" in line for line in lines) == 1
    assert lines[-1].startswith("  not measured")


def test_the_idea_gets_the_lines_that_nobody_else_needs() -> None:
    lines = shown(failed("m", None, "word " * 100))
    assert len(lines) == 8
    assert "..." not in "".join(lines[:7])


def test_wrapped_lines_keep_their_margin() -> None:
    assert wrapped("  one two three", 9, " ") == ["  one two", "   three"]


def test_what_is_cut_says_so() -> None:
    assert cut("abcdefgh", 6) == "abc..."
    assert cut("abc", 3) == "abc"
