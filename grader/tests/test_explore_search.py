"""Schedules: as text, enumerated, the same every time, replayed; overlap, spurious wake-ups and adversarial timeouts."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.explore import Kind
from grader.explore.results import SPURIOUS, parse_schedule, schedule_text
from grader.tests.explored import PYTHONS, explored, printed, told, values

ACTORS = st.integers(0, 60)
DEVIATIONS = st.dictionaries(st.integers(0, 100_000), ACTORS | ACTORS.map(lambda number: number + SPURIOUS))
LETTERS = """
from grader.explore import together

def put(log, name, times):
    for _ in range(times):
        log.append(name)

def main():
    log = []
    together(lambda: put(log, "a", 3), lambda: put(log, "b", 2))
    return "".join(log)
"""
COUNTER = """
import threading
from grader.explore import together

class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self):
        with self.lock:
            self.value += 1

    def add_without_lock(self):
        self.value += 1

def main():
    counter = Counter()
    together(counter.add, counter.add)
    return counter.value
"""
UNLOCKED = COUNTER.replace("(counter.add, counter.add)", "(counter.add_without_lock, counter.add_without_lock)")


@given(DEVIATIONS, st.booleans())
def test_a_schedule_survives_as_text(deviations: dict[int, int], in_turns: bool) -> None:
    assert parse_schedule(schedule_text(deviations.items(), in_turns)) == (deviations, in_turns)


@given(st.text(alphabet="t0123456789abzABZ_-", max_size=12))
def test_any_text_is_a_schedule_or_a_value_error(text: str) -> None:
    try:
        deviations, in_turns = parse_schedule(text)
    except ValueError:
        return
    assert schedule_text(deviations.items(), in_turns).startswith("t") == text.startswith("t")


@pytest.mark.parametrize("text", ["a", "12", "1a2", "-1a", "1a t", "tt0", "1__"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no schedule"):
        parse_schedule(text)


def interleavings(bound: int) -> Iterator[str]:
    """All orders of aaa and bb in which a letter that is not the last of its kind is left at most `bound` times."""
    for word in set(itertools.permutations("aaabb")):
        left = sum(x != y and x in word[place + 1 :] for place, (x, y) in enumerate(itertools.pairwise(word)))
        if left <= bound:
            yield "".join(word)


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_all_schedules_within_the_bound_are_tried_and_no_others(tmp_path: Path, bound: int) -> None:
    exploration, outcomes = explored(tmp_path, LETTERS, bound=bound, schedules=10_000)
    assert exploration.summary.exhausted
    assert sorted(values(outcomes)) == sorted(interleavings(bound))
    assert str(exploration.summary).endswith(f"with at most {bound} preemptions")


def test_a_budget_that_ends_is_not_called_exhausted(tmp_path: Path) -> None:
    exploration, _ = explored(tmp_path, LETTERS, bound=2, schedules=5)
    assert not exploration.summary.exhausted
    assert str(exploration.summary) == "5 schedules"


SPACES = """
import json, sys
from grader.explore import Exploration, Options, Program

for source in json.loads(sys.argv[1]):
    options = Options(schedules=10_000, seconds=60.0, bound=2)
    exploration = Exploration(lambda work: work.main(), Program([], {"work": source}), options=options)
    values = sorted(outcome.value for outcome in exploration)
    found = [*globals().get("found", []), [exploration.summary.schedules, exploration.summary.exhausted, values]]
print(json.dumps(found))
"""


def test_the_space_of_schedules_is_the_same_on_every_python() -> None:
    seen = {version: printed(python, SPACES, [LETTERS, COUNTER, UNLOCKED]) for version, python in PYTHONS.items()}
    (one,) = {json.dumps(counts) for counts in seen.values()}
    _, locked, unlocked = json.loads(one)
    assert (locked[1:], unlocked[1:]) == ([True, [2]], [True, [1, 2]])


ALL = """
import itertools, json, sys
from grader import explore_bench
from grader.explore import Exploration, Options, Program

def schedules(name, seed):
    case = next(case for case in explore_bench.cases() if case.name == name)
    options = Options(**{"schedules": 30, "seconds": 60.0, "seed": seed, **case.options})
    number = itertools.count()
    exploration = Exploration(case.scenario, Program([case.path]), options=options, key=lambda value: next(number))
    found = [outcome.schedule for outcome in exploration]
    return [found, exploration.failure and exploration.failure.schedule]

print(json.dumps([schedules(*pair) for pair in json.loads(sys.argv[1])]))
"""
RIGHT = [("correct/monitor_class", 1), ("correct/future_chain", 1)]
WRONG = [("buggy/t31_lock_timeout", 1), ("buggy/t15_rwlock_count", 4)]


def test_the_same_seed_gives_the_same_schedules_and_the_same_counterexample_in_every_process() -> None:
    first, second = (printed(sys.executable, ALL, RIGHT + WRONG, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first == second
    assert [failure is not None for _, failure in first] == [False, False, True, True]


def test_what_was_explored_before_does_not_change_the_schedules() -> None:
    assert printed(sys.executable, ALL, [WRONG[1], RIGHT[1]])[1] == printed(sys.executable, ALL, [RIGHT[1]])[0]


def test_another_seed_gives_other_schedules() -> None:
    (one, _), (other, _) = printed(sys.executable, ALL, [(RIGHT[0][0], seed) for seed in (1, 2)])
    assert len(set(one)) > 10
    assert one[:3] == other[:3], "the first ones are the same for every seed"
    assert one[3:] != other[3:]


def test_every_outcome_is_replayed_by_its_schedule(tmp_path: Path) -> None:
    exploration, outcomes = explored(tmp_path, LETTERS, bound=1, schedules=10_000)
    assert len(outcomes) > 2
    for outcome in outcomes:
        value, failure, steps = exploration.replay(outcome.schedule)
        assert (value, failure) == (outcome.value, None)
        assert {step.actor for step in steps} >= {"thread 1", "thread 2"}


def test_the_evidence_for_an_outcome_is_a_short_schedule_that_gives_it(tmp_path: Path) -> None:
    exploration, outcomes = explored(tmp_path, UNLOCKED, schedules=60)
    lost = next(outcome for outcome in outcomes if outcome.value == 1)
    evidence = exploration.evidence(lost)
    assert exploration.replay(evidence.schedule)[0] == 1
    assert evidence.switches == 1
    assert evidence.note == "No lock was held."
    first, second, third = [step.actor for step in evidence.steps if step.source == "self.value += 1"]
    assert first == third != second


OVERLAP = """
import threading
from grader.explore import overlapped

class Shop:
    lock_of_all = threading.Lock()

    def __init__(self):
        self.lock = threading.Lock()
        self.sold = 0

    def sell(self):
        with self.lock:
            self.sold += 1

    def sell_with_the_lock_of_all(self):
        with Shop.lock_of_all:
            self.sold += 1

    def sell_without_lock(self):
        self.sold += 1
"""


@pytest.mark.parametrize(
    ("first", "second", "possible"),
    [
        ("one.sell", "two.sell", True),
        ("one.sell", "one.sell", False),
        ("one.sell_with_the_lock_of_all", "two.sell_with_the_lock_of_all", False),
        ("one.sell", "one.sell_without_lock", True),
        ("one.sell_without_lock", "two.sell_without_lock", True),
    ],
)
def test_two_calls_overlap_unless_one_always_waits(tmp_path: Path, first: str, second: str, possible: bool) -> None:
    main = f"\ndef main():\n    one, two = Shop(), Shop()\n    return overlapped({first}, {second})\n"
    exploration, outcomes = explored(tmp_path, OVERLAP + main, bound=1, schedules=10_000)
    assert exploration.summary.exhausted
    assert (True in values(outcomes)) is possible


def test_who_had_to_wait_for_a_lock_is_known(tmp_path: Path) -> None:
    source = COUNTER.replace("return counter.value", "return waited()").replace("together\n", "together, waited\n", 1)
    _, outcomes = explored(tmp_path, source, bound=1, schedules=10_000)
    assert sorted(values(outcomes)) == [[], ["thread 1"], ["thread 2"]]


ALONE = """
import threading, time
from grader.explore import alone, together

class Cell:
    def __init__(self):
        self.lock, self.event, self.full, self.value = threading.Lock(), threading.Event(), False, 0

    def put(self):
        self.value += 1
        self.full = True
        self.event.set()

    def put_with_lock(self):
        with self.lock:
            self.put()

    def get(self):
        return self.value if self.full else None

    def get_with_lock(self):
        with self.lock:
            return self.get()

    def get_when_set(self):
        self.event.wait()
        return self.get()

    def get_when_full(self):
        while not self.full:
            pass
        return self.get()

    def get_after_a_nap(self):
        time.sleep(1)
        return self.get()

def story(put, get):
    cell, seen = Cell(), []
    together(lambda: put(cell), lambda: seen.append(alone(lambda: get(cell), most=50)))
    found, = seen
    ends = "steps" if found.steps > 50 else "ends"
    if found.waited:
        ends = f"waits {found.wait.what} in line {found.wait.line} {found.wait.holder}".strip()
    return f"{ends}, {found.value}"
"""


@pytest.mark.parametrize(
    ("put", "get", "endings"),
    [
        ("put", "get", ["ends, 1", "ends, None"]),
        ("put_with_lock", "get_with_lock", ["ends, 1", "ends, None", "waits for a lock in line 22 thread 1, 1"]),
        ("put", "get_when_set", ["ends, 1", "waits for an event to be set in line 26, 1"]),
        ("put", "get_after_a_nap", ["waits for time to pass in line 35, 1"]),
    ],
)
def test_what_ends_alone_wherever_the_other_thread_stopped(
    tmp_path: Path, put: str, get: str, endings: list[str]
) -> None:
    main = f"\ndef main():\n    return story(Cell.{put}, Cell.{get})\n"
    exploration, outcomes = explored(tmp_path, ALONE + main, bound=1, schedules=10_000)
    assert exploration.summary.exhausted
    assert sorted(values(outcomes)) == endings


def test_who_spins_alone_is_seen_and_let_go(tmp_path: Path) -> None:
    main = "\ndef main():\n    return story(Cell.put, Cell.get_when_full)\n"
    _, outcomes = explored(tmp_path, ALONE + main, bound=1, schedules=20)  # where to go on after that has many ways
    assert sorted(values(outcomes)) == ["ends, 1", "steps, 1"]


WAIT = """
import threading
from grader.explore import together

class Gate:
    def __init__(self):
        self.changed = threading.Condition()
        self.is_open = False

    def wait(self):
        with self.changed:
            {loop} not self.is_open:
                self.changed.wait()
            assert self.is_open, "let through a closed gate"

    def open(self):
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

def main():
    gate = Gate()
    together(gate.wait, gate.wait, gate.open)
"""


@pytest.mark.parametrize("spurious", [False, True])
@pytest.mark.parametrize("loop", ["if", "while"])
def test_a_spurious_wake_up_finds_the_wait_that_does_not_look_again(tmp_path: Path, loop: str, spurious: bool) -> None:
    exploration, _ = explored(tmp_path, WAIT.format(loop=loop), spurious=spurious, schedules=60)
    assert told(exploration).startswith("race: AssertionError: let through") is (spurious and loop == "if")


TIMEOUT = """
import threading
from grader.explore import together

def main():
    lock, got = threading.Lock(), []

    def work():
        if lock.acquire(timeout=5):
            got.append("lock")
            lock.release()
        else:
            got.append("timeout")

    together(work, work)
    return sorted(got)
"""


@pytest.mark.parametrize("adversarial", [False, True])
def test_a_timeout_ends_early_only_if_asked_for(tmp_path: Path, adversarial: bool) -> None:
    _, outcomes = explored(tmp_path, TIMEOUT, adversarial_timeouts=adversarial, schedules=60)
    assert (["lock", "timeout"] in values(outcomes)) is adversarial
    assert ["lock", "lock"] in values(outcomes)


def test_more_steps_than_allowed_are_a_livelock(tmp_path: Path) -> None:
    exploration, _ = explored(tmp_path, LETTERS.replace("3", "300"), points=200, schedules=3)
    assert exploration.failure is not None
    assert exploration.failure.kind is Kind.LIVELOCK
    assert "no end after 200 steps" in exploration.failure.message
