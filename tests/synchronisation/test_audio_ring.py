"""Checks of audio_ring. Frames are numbered from 1, and each consists of bytes with its number: 0 is silence."""

from __future__ import annotations

import ast
import itertools
import linecache
import random
import time
from collections.abc import Iterator
from typing import Any

from grader.explore import alone, scheduler, together
from grader.judge import Explore, Submission, expect, kind, scenario

EXERCISE = "audio_ring"
MODULES = {"threading", "_thread", "queue", "_queue", "time", "asyncio", "multiprocessing", "concurrent"}
WAITING = {
    "Lock", "RLock", "allocate_lock", "LockType", "Condition", "Event", "Semaphore", "BoundedSemaphore", "Barrier",
    "Timer", "Thread", "start_new_thread", "start_joinable_thread", "sleep", "Future",
    "Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "JoinableQueue",
    "Process", "Pool", "Manager", "ThreadPoolExecutor", "ProcessPoolExecutor",
}  # fmt: skip
STEPS = 400  # of one call on a ring of two frames; a loop that waits for the other side takes any number
LAST_STEP = (
    "The other thread may look at any moment, and believes what it reads. When may it know of a frame, "
    "and when of a free place?"
)
TOO_EARLY = f"{LAST_STEP} And is there a variable that both of them change?"
OWN_VARIABLES = (
    "Which variables does each side write? What both write, or what changes while you look twice, tells no truth."
)
NOBODY_WAITS = (
    "The other thread may be stopped for ever. What can a call still do, and what must it do without?"
)


def frames(numbers: Any, size: int = 2) -> bytes:
    return b"".join(bytes([number] * size) for number in numbers)


def listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "") if numbers else "none"


def calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


# -- rules ---------------------------------------------------------------------------------------------


@kind("rule")
def test_the_ring_is_built_without_anything_that_waits(submission: Submission) -> None:
    """No lock, condition, event, queue, thread or sleep is used by AudioRing"""
    source = submission.session.job.source.read_text(encoding="utf-8")
    used = sorted(set(waiting_in(ast.parse(source))), key=lambda found: found[1])
    expect(
        not used,
        f"AudioRing uses {', '.join(f'{name} (line {line})' for name, line in used[:3])}.",
        idea="Whoever takes a lock waits when another thread has it, and that one may be asleep. With one writer for each "
        "variable, what is there to lock?",
    )


def waiting_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What the class, and whatever of this module it uses, takes from modules whose things wait; a trial run is free."""
    origin: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origin |= {a.asname: a.name for a in node.names if a.asname}
            origin |= {first: first for a in node.names if not a.asname and (first := a.name.split(".")[0])}
        elif isinstance(node, ast.ImportFrom):
            origin |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            if any(a.name == "*" for a in node.names):
                origin |= {name: f"{node.module}.{name}" for name in WAITING}
    defined: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        names = [getattr(statement, "name", "")]
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            names = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        for name in names:
            defined.setdefault(name, []).append(statement)
    seen: set[str] = set()
    to_see = ["AudioRing"]
    while to_see:
        name = to_see.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in itertools.chain.from_iterable(map(ast.walk, defined.get(name, []))):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                first, *rest = ast.unparse(node).split(".")
                path = ".".join([origin.get(first, ""), *rest])
                if path.split(".")[0] in MODULES and path.split(".")[-1] in WAITING:
                    yield path, node.lineno
                to_see += [first] if isinstance(node, ast.Name) else []


@scenario
def one_stops(student: Any, stored: int, who: str, most: int) -> list[Any]:
    """(Call, steps, and what it waited for) of each call of one side, while the other one stands still somewhere in its call."""
    ring = student.AudioRing(2, 2)
    ring.write(b"xx")
    ring.read_into(bytearray(2))
    ring.write(b"aabb"[: 2 * stored])
    found = []

    def ask(name: str, call: Any) -> None:
        one = alone(call, most)
        wait = one.wait
        what = f"{wait.what} in line {wait.line}: {wait.source}" if wait else "for something" if one.waited else ""
        found.append([name, one.steps, what])

    def write() -> None:
        ring.write(b"ccdd")

    def read() -> None:
        ring.read_into(bytearray(4))

    def calls_of(name: str, call: Any) -> None:
        ask(name, call)
        ask("fill", lambda: ring.fill)
        ask(name, call)

    if who == "consumer":
        together(write, lambda: calls_of("read_into", read), names=("producer", "consumer"))
    else:
        together(read, lambda: calls_of("write", write), names=("consumer", "producer"))
    return found


@kind("schedules")
def test_no_call_needs_the_other_thread(explore: Explore) -> None:
    """With the other thread stopped for ever at any of its steps, every call ends within a few steps of its own"""
    explore.lock_free = True
    for who, stored in (("consumer", 0), ("consumer", 2), ("producer", 2), ("producer", 1)):
        other = "producer" if who == "consumer" else "consumer"
        for found in explore(one_stops, stored, who, STEPS, bound=1, schedules=500, seconds=1.0):
            for call, steps, wait in found:
                expect(
                    not wait,
                    f"The {other} was stopped in the middle of its call. {call} of the {who} then waited {wait}\n"
                    f"It waited for a thread that was not running.",
                    idea=NOBODY_WAITS,
                )
                expect(
                    steps <= STEPS,
                    f"The {other} was stopped, {stored} of 2 frames being stored before. {call} of the {who} did not end: "
                    f"it was still at it after {STEPS} steps.",
                    idea=NOBODY_WAITS,
                )


@scenario
class Taken:
    """Told by the explorer of every lock that is taken, and below which line of the student's."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, actor: Any, frame: Any) -> None:
        pass

    def took(self, actor: Any, lock: Any, frame: Any) -> None:
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        self.lines.append(f"{frame.f_code.co_name}, line {frame.f_lineno}: {source}")


@scenario
def in_use(student: Any) -> list[str]:
    """Where a lock was taken or time passed while one thread used a ring in all ways, and nobody was in its way."""
    ring = student.AudioRing(2, 2)
    me: Any = scheduler.current()
    run, found, began = me.run, Taken(), me.run.now
    before, run.watch = run.watch, found
    mark = len(run.log)
    try:
        for data, length in ((b"aabb", 2), (b"cc", 4), (b"ddee", 2), (b"ff", 4), (b"", 0)):
            ring.write(data)
            ring.read_into(bytearray(length))
            _ = ring.fill, ring.underruns, ring.overruns
    finally:
        run.watch = before
    taken = any(what == "acquire" for what, _, _ in run.log[mark:])
    lines = found.lines or ["somewhere"] * taken
    return [*lines[:1], *["time passed"] * (run.now - began > 0.0001)]


@kind("rule")
def test_no_lock_is_taken_while_the_ring_is_in_use(explore: Explore) -> None:
    """No lock is taken, and no time is spent waiting, while the ring is in use"""
    for found in explore(in_use, schedules=1):
        expect(
            not found,
            f"One thread used the ring, with nobody in its way. A lock was taken or waited for: {' and '.join(found)}.",
            idea="Also a lock that is free today is held by a sleeping thread tomorrow. Which call of yours takes one inside?",
        )


# -- one thread ----------------------------------------------------------------------------------------


@scenario
def play(student: Any, capacity: int, size: int, steps: list[Any], reuse: bool = False) -> list[list[Any]]:
    """What each step gave: bytes are written, a number of bytes is read into a buffer full of old sound.

    [returned, the frames in out, fill, underruns, overruns, the rest of out, its length]
    """
    ring, other = student.AudioRing(capacity, size), student.AudioRing(capacity, size)
    other.write(b"\xee" * size)
    seen = []
    for number, step in enumerate(steps):
        if isinstance(step, bytes):
            own = bytearray(step)
            count = ring.write(memoryview(own) if number % 2 or reuse else step)
            if reuse:
                own[:] = b"\xdd" * len(own)
            seen.append([count, "", ring.fill, ring.underruns, ring.overruns, "", len(step)])
        else:
            out = bytearray(b"\xff" * step)
            count = ring.read_into(memoryview(out) if number % 2 else out)
            end = size * count if type(count) is int else 0
            seen.append([count, out[:end].hex(), ring.fill, ring.underruns, ring.overruns, out[end:].hex(), len(out)])
    out = bytearray(size)
    other.read_into(out)
    return [*seen, [other.fill, out.hex()]]


def due_for(capacity: int, size: int, steps: list[Any]) -> list[list[Any]]:
    """The same from a model: a list of frames."""
    stored: list[bytes] = []
    under = over = 0
    due: list[list[Any]] = []
    for step in steps:
        if isinstance(step, bytes):
            new = [step[at : at + size] for at in range(0, len(step), size)]
            count = min(len(new), capacity - len(stored))
            stored += new[:count]
            over += len(new) - count
            due.append([count, "", len(stored), under, over, "", len(step)])
        else:
            count = min(step // size, len(stored))
            out = b"".join(stored[:count])
            del stored[:count]
            under += len(out) < step
            due.append([count, out.hex(), len(stored), under, over, bytes(step - len(out)).hex(), step])
    return [*due, [0, "ee" * size]]


def story(capacity: int, size: int, steps: list[Any]) -> str:
    """The last steps in words, with the number of frames of each."""
    told = [f"write({len(s) // size})" if isinstance(s, bytes) else f"read_into({s // size})" for s in steps]
    more = f"{calls(len(told) - 3)}, then " if len(told) > 3 else ""
    return f"Room for {capacity} frame{'s' * (capacity > 1)}; {more}{', '.join(told[-3:])}"


def expect_played(
    submission: Submission,
    capacity: int,
    size: int,
    steps: list[Any],
    look_at: dict[int, str],
    idea: str,
    reuse: bool = False,
) -> None:
    """`look_at`: which of the columns of `play` are compared, and how a wrong one is told."""
    seen, due = submission.run(play, capacity, size, steps, reuse), due_for(capacity, size, steps)
    for number, (found, wanted) in enumerate(zip(seen[:-1], due[:-1], strict=True)):
        for column, told in look_at.items():
            is_right = type(found[column]) is type(wanted[column]) and found[column] == wanted[column]
            words = told.format(*("nothing" if value == "" else value for value in (found[column], wanted[column])))
            expect(is_right, f"{story(capacity, size, steps[: number + 1])}.\n{words}", idea=idea)


RETURNED, FILL = "It returned {}; {} was due.", "fill is then {}; {} was due."
BYTES = "The frames in out are then {}; {} was due (in hex)."


@kind("correctness")
def test_frames_come_out_in_order(submission: Submission, rng: random.Random) -> None:
    """Frames come out in order, many times around the ring, whole, once"""
    for capacity, size in ((5, 3), (4, 1), (7, 4), (2, 2)):
        numbers, stored = itertools.cycle(range(1, 200)), 0
        steps: list[Any] = []
        for _ in range(40):
            count = rng.randint(0, capacity - 1 - stored)  # to the brim is another check's business
            steps.append(frames(itertools.islice(numbers, count), size))
            stored += count
            count = rng.randint(0, stored)
            steps.append(count * size)
            stored -= count
        expect_played(
            submission, capacity, size, steps, {0: RETURNED, 1: BYTES},
            "First in, first out, whole frames. Where does the next one go when the end of the ring is reached, in the middle of a block?",
        )  # fmt: skip
    seen = submission.run(play, 2, 2, [frames([1]), 2])
    expect(
        seen[-1] == [0, "eeee"],
        f"A second ring got one frame ee ee; while the first one was used it became {seen[-1][1]}, {seen[-1][0]} more stored.",
        idea="What do two rings share, and why?",
    )


@kind("correctness")
def test_all_of_the_capacity_can_be_used(submission: Submission) -> None:
    """All of the capacity can be used, and not more"""
    for capacity in (1, 3, 4):
        for before in range(capacity + 1):
            at_once = [frames(range(50, 50 + before)), 2 * before, frames(range(1, capacity + 1))]
            one_by_one = [*at_once[:2], *(frames([n]) for n in range(1, capacity + 2))]
            for steps in (at_once, one_by_one):
                expect_played(
                    submission, capacity, 2, [*steps, 2 * capacity], {0: RETURNED, 2: FILL, 1: BYTES},
                    "An empty ring and a full one must not look the same. What tells yours apart, wherever it begins?",
                )  # fmt: skip


@kind("correctness")
def test_both_sides_take_what_there_is(submission: Submission) -> None:
    """Part of a block is accepted when not all of it fits; part of a block is read when more is stored, or less"""
    for steps in (
        [frames(range(1, 6)), 4, frames(range(6, 12)), 6, 2],
        [frames(range(1, 6)), 2, frames(range(6, 12)), 2, 4],
        [frames([1]), 6, frames([2, 3]), frames([4, 5]), 8],
        [b"", 0, frames([1, 2]), b"", 0, 4],
    ):
        expect_played(
            submission, 3, 2, steps, {0: RETURNED, 1: BYTES, 2: FILL},
            "The blocks of the two sides need not have the same length. How many frames are there, how many fit, how many are wanted?",
        )  # fmt: skip


@kind("correctness")
def test_what_is_missing_is_silence(submission: Submission) -> None:
    """The rest of out is filled with zeros, and its length stays"""
    for steps in ([6], [frames([1]), 6, 4], [frames([1, 2]), 8, 2]):
        expect_played(
            submission, 3, 2, steps, {6: "out had {1} bytes, and has {0} now.", 5: "The rest of out is then {}; {} was due (in hex)."},
            "The buffer still holds the sound of the last time. Which bytes of it must be written, and how many?",
        )  # fmt: skip


@kind("correctness")
def test_the_ring_has_its_own_bytes(submission: Submission) -> None:
    """What the caller does with its buffer afterwards changes nothing in the ring"""
    for steps in ([frames([1, 2, 3]), 2, 4], [frames([1]), frames([2]), 4]):
        expect_played(
            submission, 3, 2, steps, {1: f"After write had returned, the caller wrote dd into its own buffer. {BYTES}"},
            "A memoryview, also a piece of one, shows the bytes of somebody else, as they are when you look.", reuse=True,
        )  # fmt: skip


@kind("correctness")
def test_refused_frames_and_late_calls_are_counted(submission: Submission) -> None:
    """overruns counts refused frames, underruns the calls that had to fill up"""
    steps = [b"", 0, frames([1, 2]), 4, 4, 6, frames(range(1, 7)), frames([9]), b"", 4, 4, 0, frames([7]), 2]
    expect_played(
        submission, 3, 2, steps, {3: "underruns is then {}; {} was due.", 4: "overruns is then {}; {} was due."},
        "underruns counts calls of read_into, overruns counts frames that write did not take. A call that wanted nothing missed nothing.",
    )  # fmt: skip


@scenario
def refused(student: Any) -> list[str]:
    """What each wrong call led to; at the end, the state of the ring."""
    ring = student.AudioRing(3, 4)
    ring.write(b"aaaabbbb")
    out = bytearray(b"\xff" * 6)
    wrong = {
        "write of 6 bytes": lambda: ring.write(b"ccccdd"),
        "write of 3 bytes": lambda: ring.write(memoryview(b"ccc")),
        "read_into of 6 bytes": lambda: ring.read_into(out),
        "read_into of 1 byte": lambda: ring.read_into(memoryview(bytearray(1))),
        "AudioRing(0, 4)": lambda: student.AudioRing(0, 4),
        "AudioRing(-1, 4)": lambda: student.AudioRing(-1, 4),
        "AudioRing(4, 0)": lambda: student.AudioRing(4, 0),
        "AudioRing(4, -2)": lambda: student.AudioRing(4, -2),
    }
    seen = []
    for name, call in wrong.items():
        try:
            call()
        except ValueError:
            seen.append(f"{name}: ValueError")
        except NotImplementedError:
            raise
        except Exception as error:
            seen.append(f"{name}: {type(error).__name__}")
        else:
            seen.append(f"{name}: no error")
    rest = bytearray(12)
    state = [ring.fill, ring.underruns, ring.overruns, ring.read_into(rest), rest.hex(), out.hex()]
    return [*seen, " ".join(map(str, state))]


@kind("failure")
def test_lengths_that_are_no_whole_frames_are_refused(submission: Submission) -> None:
    """Lengths that are no whole frames, and rings without room, are a ValueError, and nothing changes"""
    *seen, state = submission.run(refused)
    for line in seen:
        expect(
            line.endswith(": ValueError"),
            f"Frames of 4 bytes, two of them stored. {line}; ValueError was due.",
            idea="Half a frame shifts all that follow: left and right change places. Look at the length first.",
        )
    fill, under, over, count, rest, out = state.split()
    expect(
        [fill, under, over, count, rest] == ["2", "0", "0", "2", "61" * 4 + "62" * 4 + "00" * 4] and out == "ff" * 6,
        f"Two frames, aaaa and bbbb, were stored; after four calls that raised, fill was {fill}, underruns {under}, overruns {over}, "
        f"and read_into gave {count} frames: {rest} (hex).",
        idea="A call that raises must not have changed anything before.",
    )


# -- two threads ---------------------------------------------------------------------------------------


@scenario
def stream(student: Any, stored: int, writes: list[int], reads: list[int]) -> list[Any]:
    """Frames that were accepted; (wanted, count, out) of each read, also of those that empty the ring at the end; the counters.

    The ring has room for 2 frames and has been around once, so that each place holds an old frame.
    """
    ring = student.AudioRing(2, 2)
    ring.write(bytes([91, 91, 92, 92]))
    ring.read_into(bytearray(4))
    ring.write(bytes([93, 93]))
    ring.read_into(bytearray(2))
    numbers = iter(range(1, 50))
    accepted, refused, seen = [], 0, []

    def put(count: int) -> int:
        block = [next(numbers) for _ in range(count)]
        taken = ring.write(b"".join(bytes([n, n]) for n in block))
        accepted.extend(block[:taken])
        return count - taken

    def produce() -> None:
        nonlocal refused
        refused = sum(put(count) for count in writes)

    def take(count: int) -> None:
        out = bytearray(b"\xff" * 2 * count)
        taken = ring.read_into(out)
        seen.append([count, taken, [*out]])

    def consume() -> None:
        for count in reads:
            take(count)

    put(stored)
    together(produce, consume, names=("producer", "consumer"))
    counters = [ring.underruns, ring.overruns - refused]
    fill = ring.fill
    for _ in range(2):
        take(2)
    return [accepted, seen, [len(reads), *counters, fill]]


def fault_of(accepted: list[int], seen: list[Any]) -> str:
    """What is wrong with the frames that came out; "" if nothing is."""
    came: list[int] = []
    for wanted, count, out in seen:
        if type(count) is not int or not 0 <= count <= wanted:
            return f"read_into for {wanted} frames returned {count!r}."
        if len(out) != 2 * wanted:
            return f"out had {2 * wanted} bytes, and after read_into {len(out)}."
        for first, second in zip(out[: 2 * count : 2], out[1 : 2 * count : 2], strict=True):
            if first != second:
                return f"A frame came out torn: a byte of frame {first} and one of frame {second}."
            if first in (0, 255):
                kind_of = "silence" if first == 0 else "what out had held before"
                return f"read_into returned {count}, but a frame among these was {kind_of}."
            if first > 90:
                return "A frame of the last time around came out again: it was read before the new one was in its place."
            if first in came:
                return f"Frame {first} came out twice."
            came.append(first)
        if any(out[2 * count :]):
            return f"read_into returned {count} of {wanted}, and the rest of out is not all zeros."
    if came != accepted:
        lost = [n for n in accepted if n not in came]
        if lost:
            return f"Accepted: the frames {listed(accepted)}. Frame {lost[0]} never came out."
        extra = [n for n in came if n not in accepted]
        if extra:
            return f"Frame {extra[0]} was refused, and came out."
        return f"Accepted: the frames {listed(accepted)}; they came out as {listed(came)}."
    return ""


def expect_stream(accepted: list[int], seen: list[Any], counters: list[Any], idea: str) -> None:
    reads, under, over, fill = counters
    fault = fault_of(accepted, seen)
    expect(not fault, fault, idea=idea)
    stored = sum(count for _, count, _ in seen[reads:])
    expect(
        fill == stored,
        f"When both threads had ended, fill was {fill!r}, and {stored} frames could be read.",
        idea=OWN_VARIABLES,
    )
    late = sum(count < wanted for wanted, count, _ in seen[:reads])
    expect(
        under == late,
        f"{calls(late) if late else 'No call'} of read_into had to fill up with zeros; underruns went up by {under!r}.",
        idea=OWN_VARIABLES,
    )
    expect(
        over == 0,
        f"overruns is {'larger' if over > 0 else 'smaller'} by {abs(over)} than the number of frames that write refused.",
        idea=OWN_VARIABLES,
    )


@kind("schedules")
def test_only_whole_frames_are_seen(explore: Explore) -> None:
    """Wherever one thread is interrupted, the other one sees only frames and places that are ready"""
    explore.lock_free = True
    for stored, writes, reads in ((0, [2], [2]), (1, [1], [2]), (2, [2], [2])):
        for accepted, seen, counters in explore(stream, stored, writes, reads, bound=1, schedules=1000, seconds=1.0):
            expect_stream(accepted, seen, counters, TOO_EARLY)


@kind("schedules")
def test_what_comes_out_is_what_went_in(explore: Explore) -> None:
    """While both sides are at work, what comes out is what went in, and the counters are right"""
    explore.lock_free = True
    for accepted, seen, counters in explore(stream, 0, [2, 1, 2], [1, 2, 1, 2], schedules=250, seconds=1.5):
        expect_stream(accepted, seen, counters, OWN_VARIABLES)
    for accepted, seen, counters in explore(stream, 1, [1], [2], bound=2, schedules=1000, seconds=1.0):
        expect_stream(accepted, seen, counters, OWN_VARIABLES)


@scenario
def plans(student: Any) -> list[list[Any]]:
    """(fill, frames read after that) of the consumer, then (fill, frames accepted after that) of the producer."""
    ring = student.AudioRing(2, 2)
    ring.write(b"xxyy")
    ring.read_into(bytearray(2))

    def produce() -> list[Any]:
        return [ring.fill, ring.write(b"aabb")]

    def consume() -> list[Any]:
        return [ring.fill, ring.read_into(bytearray(4))]

    return together(produce, consume, names=("producer", "consumer"))


@kind("schedules")
def test_fill_keeps_what_it_promises(explore: Explore) -> None:
    """fill keeps what it promises to either side"""
    explore.lock_free = True
    for (told, accepted), (asked, read) in explore(plans, bound=2, schedules=1500, seconds=1.5):
        for who, fill in (("producer", told), ("consumer", asked)):
            expect(
                type(fill) is int and 0 <= fill <= 2,
                f"Room for 2 frames, and fill told the {who} {fill!r}.",
                idea="fill looks at two numbers that may both change. Which order is safe, and what is looked at twice?",
            )
        expect(
            accepted >= 2 - told,
            f"Room for 2 frames: fill told the producer {told}, and write then accepted {accepted} of 2 frames.",
            idea=LAST_STEP,
        )
        expect(
            read >= asked,
            f"fill told the consumer {asked}, and read_into then gave {read} of 2 frames.",
            idea=LAST_STEP,
        )


# -- a whole concert -----------------------------------------------------------------------------------


@scenario
def concert(student: Any, callbacks: int, late_at: int, late_for: int) -> list[Any]:
    """The numbers of the frames that were heard, -1 for silence; the counters. Frame n is decoded at n times 3 ms."""
    ring = student.AudioRing(10, 4)
    heard: list[int] = []

    def frame(number: int) -> bytes:
        return (number + 1).to_bytes(4, "big")

    def decode() -> None:
        pending = b""
        for number in range(4, callbacks):
            pending += frame(number)
            if not late_at <= number - 4 < late_at + late_for:
                pending = pending[4 * ring.write(pending) :]
            time.sleep(0.003)

    def play() -> None:
        time.sleep(0.0015)
        for _ in range(callbacks):
            out = bytearray(b"\xff" * 4)
            ring.read_into(out)
            heard.append(int.from_bytes(out, "big") - 1)
            time.sleep(0.003)

    for number in range(4):
        ring.write(frame(number))
    together(decode, play, names=("producer", "consumer"))
    return [heard, ring.underruns]


@kind("bounds")
def test_silence_lasts_as_long_as_the_decoder_is_late(explore: Explore) -> None:
    """400 callbacks and a decoder that is late once: silence for as long as that lasts, and no longer"""
    callbacks, late_at, late_for = 400, 200, 10
    for heard, underruns in explore(concert, callbacks, late_at, late_for, schedules=2, points=200_000):
        told = f"400 callbacks of 3 ms; 4 frames are stored when the decoder is late by {late_for} callbacks, once."
        silent = [n for n, number in enumerate(heard) if number == -1]
        frames_heard = [number for number in heard if number != -1]
        wrong = next((n for n, number in enumerate(frames_heard) if number != n), None)
        expect(
            wrong is None,
            f"{told}\nAfter {wrong} frames, frame {wrong} was due; {frames_heard[wrong or 0]} was heard.",
            idea="Something goes wrong only after many times around the ring, or after a pause. Which number of yours has grown?",
        )
        expect(
            silent == list(range(late_at + 4, late_at + late_for)) and underruns == len(silent),
            f"{told}\nSilence was due in the callbacks {late_at + 4} to {late_at + late_for - 1}; there was silence in "
            f"{listed(silent)}, and underruns is {underruns}.",
            idea="When the decoder goes on, all that is there is played at once, and nothing waits or is thrown away.",
        )


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """No thread is left when the rings are no longer used"""
    submission.run(play, 3, 2, [frames([1, 2]), 2, 4])
    submission.finish().expect_none()
