"""Checks of settings_store."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from grader.explore import pause, quiet, together
from grader.judge import Explore, Submission, expect, kind, scenario

EXERCISE = "settings_store"
DRAFT = (
    "Between its first change and its commit a transaction belongs to one thread. Who else looks at what it writes to?"
)
NEW_OBJECT = "A version that was handed out must never change again: who still has a way to write to that very object?"
ALL_OR_NOTHING = "Whichever way the outermost block is left, there are two ends: all of it is committed, or nothing."
ONE_STEP = "To read, to compute and to commit must be one step for other writers. Which lock is held over all three?"
FOREIGN = "A subscriber is foreign code: it may wait for anybody. Collect under the lock what is to be told; tell it when it is free."
IN_ORDER = (
    "Two threads may be on their way to tell. What is to be told stands in one order: who takes the next of it, and "
    "how do the others know that it will be told?"
)
EACH_COUNTS = (
    "A subscription is a thing of its own: not the function, and not a place in a list that changes while it is read."
)
LOOK_AGAIN = "A waiter must not fall asleep between its look and the change. Whom does a commit wake, and what do they look at then?"
NO_LOCK_TO_READ = "If nobody changes a mapping that has been published, a reader needs one reference, and no lock that is held for long."
NOBODY_POLLS = "Whoever waits should sleep until somebody wakes it. Who knows that there is a new version?"


def expect_rows(rows: list[Any], *ideas: str) -> None:
    """Each row: what was done, what it gave, what was due, and perhaps which of the ideas belongs to it."""
    for what, got, due, *which in rows:
        expect(got == due, f"{what}: {got!r}; {due!r} was due.", idea=ideas[which[0] if which else 0])


@scenario
def soon() -> None:
    """An hour later: whoever tells subscribers has told them, in whichever thread."""
    time.sleep(3600)


@scenario
def outcome_of(call: Any) -> Any:
    """A mapping as a dictionary, None, or the name of the exception that was expected here."""
    try:
        got = call()
        return got if got is None else dict(got)
    except (OSError, KeyboardInterrupt) as error:  # TimeoutError is an OSError
        return type(error).__name__


@scenario
def outcome_within(seconds: float, call: Any) -> list[Any]:
    """The outcome of a call, and the virtual seconds that it took; "still waits" if it has not ended by then."""
    ended, began = [], time.monotonic()

    def run() -> None:
        ended.append([outcome_of(call), round(time.monotonic() - began, 1)])

    # A daemon: the schedule is over when the scenario is, whether this call has ended or not.
    threading.Thread(target=run, name="waiter", daemon=True).start()
    time.sleep(seconds)
    return ended[0] if ended else ["still waits", seconds]


# -- one thread ----------------------------------------------------------------------------------------


@scenario
def keep_settings(student: Any) -> list[Any]:
    given = {"a": 1, "none": None}
    store, other = student.SettingsStore(given), student.SettingsStore()
    given["a"] = 9
    rows = [
        ["SettingsStore({'a': 1, ...}), the caller's dictionary changed later; get('a')", store.get("a"), 1],
        ["'none' is None; get('none', 5)", store.get("none", 5), None, 1],
        ["get('missing')", store.get("missing"), None, 1],
        ["get('missing', 5)", store.get("missing", 5), 5, 1],
        ["set('b', 2)", store.set("b", 2), None, 2],
        ["After that, get('b')", store.get("b"), 2, 2],
        ["update('b', add 1), and b is 2", store.update("b", lambda b: b + 1), 3, 2],
        ["After that, get('b')", store.get("b"), 3, 2],
        ["update('new', repr), and there is no 'new'", store.update("new", repr), "None", 2],
        ["The snapshot", dict(store.snapshot()), {"a": 1, "none": None, "b": 3, "new": "None"}, 2],
        ["The caller's dictionary", given, {"a": 9, "none": None}],
    ]
    store.set("nobody can copy this", (letter for letter in "abc"))
    rows.append(["A generator as a value; the letters in it", "".join(store.get("nobody can copy this")), "abc", 1])
    with store.transaction() as draft:
        draft["a"] = 10
        rows.append(["Another, empty store, inside a transaction of this one; get('a')", other.get("a"), None, 3])
        other.set("a", 20)
        rows.append(["The other store's snapshot after its set('a', 20)", dict(other.snapshot()), {"a": 20}, 3])
    rows.append(["The other store's get('a') after this one's transaction", other.get("a"), 20, 3])
    return rows


@kind("correctness")
def test_settings_are_kept(explore: Explore) -> None:
    """get, set and update do what they say, any object may be a value, and two stores share nothing"""
    for rows in explore(keep_settings, schedules=5):
        expect_rows(
            rows,
            "The caller's mapping stays the caller's: the store begins with a copy.",
            "Any object may be a value, also None, which is not the same as a missing key.",
            "update sets the key to fn(what is there, or None), and returns that.",
            "What do two stores share, and why? Look at what stands outside __init__.",
        )


@scenario
def versions(student: Any) -> list[Any]:
    store = student.SettingsStore({"a": 1, "b": 1})
    seen: list[Any] = []

    def look(after: str, due: dict[str, int], idea: int = 0) -> None:
        seen.append([after, dict(shot := store.snapshot()), due, shot, idea])

    look("the beginning", {"a": 1, "b": 1})
    store.set("a", 2)
    look("set('a', 2)", {"a": 2, "b": 1})
    with store.transaction() as draft:
        draft["c"] = 3
        del draft["b"]
        look("draft['c'] = 3; del draft['b'], inside the block", {"a": 2, "b": 1}, 2)
    look("the end of that block", {"a": 2, "c": 3})
    with contextlib.suppress(Exception):
        draft["late"] = 1
    look("draft['late'] = 1, when the block was over", {"a": 2, "c": 3})
    late = ["draft['late'] = 1, when the block was over; get('late')", store.get("late"), None, 3]
    store.update("a", lambda a: a + 1)
    look("update('a', add 1)", {"a": 3, "c": 3})
    rows = [[f"A snapshot taken after {after}", then, due, idea] for after, then, due, _, idea in seen]
    later = [
        [f"A snapshot was {then}, taken after {after}. Later it is", dict(shot), then, 1]
        for after, then, _, shot, _ in seen
    ]
    return [*later, *rows, late]


@kind("correctness")
def test_a_snapshot_is_one_version(explore: Explore) -> None:
    """A snapshot is the version that was committed last, and shows no later change"""
    for rows in explore(versions, schedules=5):
        expect_rows(
            rows,
            "A version is what the outermost block made of the one before: also what it deleted.",
            NEW_OBJECT,
            "A snapshot is the version that was committed last, for everybody, also inside a transaction.",
            "When a transaction is over, its thread reads what everybody reads.",
        )


@scenario
def spoil(mapping: Any) -> dict[str, Any]:
    """What a mapping is after somebody has tried to change it."""

    def assign() -> None:
        mapping["a"] = "spoilt"

    def delete() -> None:
        del mapping["b"]

    for change in (
        assign,
        delete,
        lambda: mapping.update(a="spoilt"),
        lambda: mapping.pop("b"),
        lambda: mapping.clear(),
    ):
        with contextlib.suppress(Exception):
            change()
    return dict(mapping)


@scenario
def spoil_everything(student: Any) -> list[Any]:
    store = student.SettingsStore({"a": 1, "b": 1})
    before, after = {"a": 1, "b": 1}, {"a": 2, "b": 1}
    rows = [
        ["Somebody tried to change a snapshot of the first version; it is", spoil(store.snapshot()), before],
        ["After that, the next snapshot", dict(store.snapshot()), before],
    ]
    seen: list[Any] = []
    # Whether wait_for returns at all is for another check.
    with contextlib.suppress(TimeoutError):
        seen.append(spoil(store.wait_for(lambda settings: bool(seen.append(spoil(settings)) or True), timeout=1)))
    rows += [["Predicates, and who called wait_for, tried to change what they got; it is", got, before] for got in seen]
    told: list[Any] = []
    store.subscribe(lambda old, new: told.extend([spoil(old), spoil(new)]))
    store.set("a", 2)
    soon()
    rows.append(["A subscriber tried to change old and new; they are", told, [before, after]])
    return [*rows, ["After all that, the snapshot", dict(store.snapshot()), after]]


@kind("correctness")
def test_nobody_can_change_a_version(explore: Explore) -> None:
    """What snapshot, wait_for, subscribers and predicates get cannot be changed"""
    for rows in explore(spoil_everything, schedules=5):
        expect_rows(rows, "types.MappingProxyType gives a view that nobody can write through.")


@scenario
def nest(student: Any) -> list[Any]:
    before, told = {"a": 0, "b": 0}, []
    store = student.SettingsStore(before)
    store.subscribe(lambda old, new: told.append([dict(old), dict(new)]))
    with store.transaction() as outer:
        outer["a"] = 1
        rows = [["Inside the block, after draft['a'] = 1: get('a')", store.get("a"), 1]]
        store.set("b", 2)
        rows.append(["Inside the block, after set('b', 2): draft['b']", outer["b"], 2])
        rows.append(["Inside the block, after set('b', 2): the snapshot", dict(store.snapshot()), before, 1])
        with store.transaction() as inner:
            inner["c"] = inner["a"] + inner["b"]
            rows.append(
                ["Inside an inner block, after draft['c'] = draft['a'] + draft['b']: get('c')", store.get("c"), 3]
            )
        rows.append(["After the inner block, draft['c'] of the outer one", outer.get("c"), 3])
        rows.append(["After the inner block, inside the outer one: the snapshot", dict(store.snapshot()), before, 1])
        rows.append(["b is 2; update('b', add 10) inside the block", store.update("b", lambda b: b + 10), 12])
        del outer["a"]
        rows.append(["Inside the block, after del draft['a']: get('a', 'gone')", store.get("a", "gone"), "gone"])
        rows.append(["The keys of the draft", sorted(outer), ["b", "c"]])
        rows.append(
            ["b was 0, the open block made it 12; another thread's get('b')", together(lambda: store.get("b"))[0], 0, 2]
        )
    after = {"b": 12, "c": 3}
    rows.append(["After the outermost block, the snapshot", dict(store.snapshot()), after, 1])
    soon()
    rows.append(["An outer block with set, update and an inner one: calls of a subscriber", len(told), 1, 4])
    rows.append(["What a subscriber was told, as [old, new]", told[:], [[before, after]], 1])
    together(lambda: store.set("b", 20))
    return [*rows, ["After the transaction, another thread did set('b', 20); get('b') here", store.get("b"), 20, 3]]


@kind("correctness")
def test_a_transaction_is_one_commit(explore: Explore) -> None:
    """Blocks nest, the thread sees its own changes, and all of them are committed at the end of the outermost block"""
    for rows in explore(nest, schedules=5):
        expect_rows(
            rows,
            "What a thread does between the two ends of its transaction goes to one place, and there it looks, too.",
            "Which block is the outermost one? Only its end is a commit, and it is one.",
            DRAFT,
            "When a transaction is over, its thread reads what everybody reads.",
            "Each commit is told once and soon, not what led to it.",
        )


@scenario
def fail_inside(student: Any, name: str, where: str) -> list[Any]:
    error = {"OSError": OSError, "KeyboardInterrupt": KeyboardInterrupt}[name]
    store, told = student.SettingsStore({"a": 1, "b": 1}), []
    store.subscribe(lambda old, new: told.append(dict(new)))

    def in_a_block() -> None:
        with store.transaction() as draft:
            draft["a"] = 2
            store.set("b", 2)
            raise error

    def in_an_inner_block() -> None:
        with store.transaction() as draft:
            draft["a"] = 2
            with store.transaction() as inner:
                del inner["b"]
                raise error

    def in_fn() -> None:
        def fn(_: Any) -> None:
            store.set("a", 2)
            raise error

        store.update("b", fn)

    calls = {"a block": in_a_block, "an inner block": in_an_inner_block, "the fn of update": in_fn}
    what, after = f"a and b are 1 and are being changed, {name} is raised inside {where}", {"a": 1, "b": 1, "next": 5}
    rows = [
        [f"{what}; what came out of it", outcome_of(calls[where]), name, 1],
        [f"{what}. After that, the snapshot", dict(store.snapshot()), {"a": 1, "b": 1}],
        [f"{what}. After that, get('a') and get('b')", [store.get("a"), store.get("b")], [1, 1]],
    ]
    together(lambda: store.set("next", 5), names=("next writer",))
    rows.append(
        [f"{what}. After that, and set('next', 5) by another thread, the snapshot", dict(store.snapshot()), after]
    )
    soon()
    return [*rows, [f"{what}; then set('next', 5) by another thread. Subscribers were told of", told[:], [after]]]


@kind("failure")
def test_an_exception_undoes_everything(explore: Explore) -> None:
    """An exception of any kind in a block or in fn goes on, and nothing has changed; the next writer can write"""
    for name in ("OSError", "KeyboardInterrupt"):
        for where in ("a block", "an inner block", "the fn of update"):
            for rows in explore(fail_inside, name, where, schedules=3):
                expect_rows(
                    rows, ALL_OR_NOTHING, "Who began the block wants to know how it ended: the exception goes on."
                )


# -- subscribers ---------------------------------------------------------------------------------------


@scenario
def come_and_go(student: Any) -> list[Any]:
    store, told = student.SettingsStore({"n": 0}), []

    def twice(old: Any, new: Any) -> None:
        told.append(("twice", new["n"]))

    def leaving(old: Any, new: Any) -> None:
        told.append(("leaving", new["n"]))
        end_leaving()

    end_once = store.subscribe(lambda old, new: told.append(("once", new["n"])))
    end_first, end_second = store.subscribe(twice), store.subscribe(twice)
    end_leaving = store.subscribe(leaving)
    store.subscribe(lambda old, new: told.append(("always", new["n"])))
    store.set("n", 1)
    soon()
    for end in (end_once, end_once, end_first, end_first):
        end()
    store.set("n", 2)
    soon()
    end_second()
    store.set("n", 3)
    soon()
    got = {name: [n for who, n in told if who == name] for name in ("once", "twice", "leaving", "always")}
    return [
        ["Ended after the first of three commits, by calling its end twice: told of", got["once"], [1]],
        ["Subscribed twice; one ended (its end called twice) after the first commit, the other after the second: told of",
         got["twice"], [1, 1, 2]],
        ["Ends its own subscription while it is told of the first commit: told of", got["leaving"], [1]],
        ["Subscribed after that one: told of", got["always"], [1, 2, 3]],
    ]  # fmt: skip


@kind("correctness")
def test_subscriptions_can_be_ended(explore: Explore) -> None:
    """Each subscription is told until it is ended, also from inside a call; ending it again does nothing"""
    for rows in explore(come_and_go, schedules=5):
        expect_rows(rows, EACH_COUNTS)


@scenario
def a_subscriber_fails(student: Any) -> list[Any]:
    store, told, hooked = student.SettingsStore({"n": 0}), [], []
    threading.excepthook = lambda args: hooked.append(str(getattr(args, "exc_value", args)))

    def note(name: str) -> Any:
        return lambda old, new: told.append((name, new["n"]))

    def fail(old: Any, new: Any) -> None:
        told.append(("fails", new["n"]))
        raise OSError(f"plug-in failed at {new['n']}")

    def two_commits() -> None:
        store.set("n", 1)
        soon()
        with store.transaction() as draft:
            draft["n"] = 2
        soon()

    for fn in (note("before"), fail, note("after")):
        store.subscribe(fn)
    rows = [["set and transaction, with a subscriber that raises OSError, raised", outcome_of(two_commits), None]]
    whose = {"before": "subscribed before the one that fails", "after": "subscribed after it", "fails": "raises"}
    for name, who in whose.items():
        rows.append(
            [f"A subscriber raises at each commit. Who {who} was told of", [n for w, n in told if w == name], [1, 2], 1]
        )
    due = ["plug-in failed at 1", "plug-in failed at 2"]
    rows.append(["What threading.excepthook was given", hooked[:], due, 2])
    return [*rows, ["Afterwards, in another thread, get('n')", together(lambda: store.get("n"))[0], 2]]


@kind("failure")
def test_a_failing_subscriber_stops_nobody(explore: Explore) -> None:
    """A subscriber raises: threading.excepthook gets it, the others are told, and set returns"""
    for rows in explore(a_subscriber_fails, schedules=5):
        expect_rows(
            rows,
            "The change is committed when a subscriber fails. What could the writer do about it?",
            "A failure belongs to one call of one subscriber. What does it end in your code?",
            "A failure that is dropped is never found. threading.excepthook is where the program sees those of its threads.",
        )


@scenario
def answer_a_change(student: Any) -> list[Any]:
    store, first, last, calls = student.SettingsStore({"n": 0}), [], [], []

    def answer(old: Any, new: Any) -> None:
        calls.append(f"told of {new['n']}")
        if new["n"] == 1:
            store.set("n", 2)
            with store.transaction() as draft:
                draft["n"] += 1
        calls.append(f"done with {new['n']}")

    store.subscribe(lambda old, new: first.append([old["n"], new["n"]]))
    store.subscribe(answer)
    store.subscribe(lambda old, new: last.append([old["n"], new["n"]]))
    store.set("n", 1)
    soon()
    due = [[0, 1], [1, 2], [2, 3]]
    return [
        ["set('n', 1), and a subscriber then makes it 2 and 3. Who subscribed before it was told", first, due],
        ["Who subscribed after it was told", last, due],
        ["Its own calls", calls, [f"{what} {n}" for n in (1, 2, 3) for what in ("told of", "done with")]],
    ]


@kind("correctness")
def test_a_subscriber_may_change_settings(explore: Explore) -> None:
    """A subscriber changes settings: that is a later commit, told after the present one, to everybody in this order"""
    for rows in explore(answer_a_change, schedules=5):
        expect_rows(rows, "A commit may be made while another one is being told. Where does it wait for its turn?")


@scenario
def told_to_two(student: Any, slow: bool) -> list[Any]:
    """What two subscribers were told of two commits by two threads, and how far the numbers came."""
    store, told = student.SettingsStore({"n": 0}), {"subscriber 1": [], "subscriber 2": []}

    def subscriber(name: str) -> Any:
        def fn(old: Any, new: Any) -> None:
            told[name].append(f"{old['n']} to {new['n']}")
            pause()
            time.sleep(slow and new["n"] == 1)
            told[name].append("done")

        return fn

    for name in told:
        store.subscribe(subscriber(name))
    together(*[lambda: store.update("n", lambda n: n + 1)] * 2, names=("writer 1", "writer 2"))
    soon()
    return [*told.values(), store.get("n")]


@kind("schedules")
def test_every_commit_is_told_in_order(explore: Explore) -> None:
    """Two threads commit: each subscriber is told of both commits, in their order, one after the other"""
    due = ["0 to 1", "done", "1 to 2", "done"]
    for slow, bound in ((False, 1), (False, None), (True, None)):
        for *told, n in explore(told_to_two, slow, bound=bound, schedules=250 if bound else 80, seconds=1.5):
            expect(n == 2, f"Two threads added 1 to 0, and n is {n}.", idea=ONE_STEP)
            for number, calls in enumerate(told, 1):
                expect(
                    calls.count("done") >= 2,
                    f"n went from 0 to 1 to 2, and subscriber {number} was told: {', '.join(calls)}. "
                    "That is not every commit.",
                    idea=IN_ORDER,
                )
                expect(
                    calls == due,
                    f"n went from 0 to 1 to 2, and subscriber {number} was told: {', '.join(calls)}.",
                    idea=IN_ORDER,
                )


@scenario
def callback_and_lock(student: Any) -> list[Any]:
    store, told = student.SettingsStore({"a": 0, "b": 0}), []
    lock = threading.RLock()  # of a plug-in; whoever is told in the thread that has it can go on

    def subscriber(old: Any, new: Any) -> None:
        with lock:
            told.append([new["a"], new["b"]])

    def plug_in() -> None:
        with lock:
            store.set("b", 1)

    store.subscribe(subscriber)
    together(lambda: store.set("a", 1), plug_in, names=("writer", "plug-in"))
    soon()
    return [len(told), told[-1:]]


@kind("schedules")
def test_a_subscriber_may_wait_for_another_writer(explore: Explore) -> None:
    """A subscriber takes a lock that another thread has while it calls set: nobody stands still"""
    for bound in (1, None):
        for count, last in explore(callback_and_lock, bound=bound, schedules=200, seconds=1.5):
            expect(
                count == 2 and last == [[1, 1]],
                f"Two threads set a and b to 1; a subscriber was told {count} times, at last of a and b = {last}.",
                idea=IN_ORDER,
            )


# -- writers -------------------------------------------------------------------------------------------


@scenario
def call_from_fn(student: Any) -> list[Any]:
    store, told, calls = student.SettingsStore({"n": 1, "m": 1}), [], []
    store.subscribe(lambda old, new: told.append(dict(new)))

    def fn(n: Any) -> Any:
        calls.append(n)
        store.set("m", 2)
        with store.transaction() as draft:
            draft["k"] = store.get("m") + 1
        store.update("m", lambda m: m + 10)
        store.subscribe(lambda old, new: None)()
        return n + store.get("m") + store.snapshot()["m"]

    got = together(lambda: store.update("n", fn), names=("writer",))[0]
    soon()
    due = {"n": 14, "m": 12, "k": 3}
    return [
        ["n and m are 1; fn sets m to 2 and adds 10, and returns n + get('m') + snapshot()['m']; update gave", got, 14],
        ["fn was called with", calls, [1]],
        ["After that, the snapshot", dict(store.snapshot()), due],
        ["Subscribers were told of", told[:], [due]],
    ]


@kind("schedules")
def test_fn_may_call_any_method(explore: Explore) -> None:
    """update calls fn, and fn calls set, update, transaction and the others: no standstill, and one commit"""
    for rows in explore(call_from_fn, schedules=10):
        expect_rows(rows, "update is a transaction, and what fn changes in the same thread is part of it.")


@scenario
def two_writers(student: Any, first: str, second: str) -> list[Any]:
    store, calls = student.SettingsStore({"n": 0, "m": 0}), []

    def add_one(n: int) -> int:
        calls.append(n)
        pause()
        return n + 1

    def add_in_a_block() -> None:
        with store.transaction() as draft:
            n = draft["n"]
            pause()
            draft["n"] = n + 1

    ways = {
        "update(n, add 1)": lambda: store.update("n", add_one),
        "n + 1 in a transaction": add_in_a_block,
        "set(n, 10)": lambda: store.set("n", 10),
        "set(m, 1)": lambda: store.set("m", 1),
    }
    together(ways[first], ways[second], names=("writer 1", "writer 2"))
    return [store.get("n"), store.get("m"), len(calls)]


@kind("schedules")
def test_no_change_is_lost(explore: Explore) -> None:
    """Two threads change settings at once, by update, set and transaction: neither change is lost"""
    update, block, ten, other = "update(n, add 1)", "n + 1 in a transaction", "set(n, 10)", "set(m, 1)"
    pairs: tuple[tuple[str, str, list[list[int]]], ...] = (
        (update, update, [[2, 0]]),
        (update, block, [[2, 0]]),
        (block, ten, [[10, 0], [11, 0]]),
        (update, ten, [[10, 0], [11, 0]]),
        (update, other, [[1, 1]]),
        (other, ten, [[10, 1]]),
    )
    for first, second, due in pairs:
        for n, m, calls in explore(two_writers, first, second, bound=1, schedules=120, seconds=1.0):
            expect(
                [n, m] in due,
                f"n and m were 0, and two threads did {first} and {second}: now n is {n} and m is {m}.",
                idea=ONE_STEP,
            )
            wanted = [first, second].count(update)
            expect(
                calls == wanted,
                f"{first} and {second} at once: fn was called {calls} times, not {wanted}.",
                idea="fn may have effects of its own. It is called once, when no other writer can come between.",
            )


@scenario
def wait_for_a_block(student: Any, fails: bool) -> list[Any]:
    store, began = student.SettingsStore({"n": 0}), time.monotonic()

    def hold() -> None:
        with contextlib.suppress(OSError), store.transaction() as draft:
            draft["n"] = 1
            time.sleep(100)
            if fails:
                raise OSError

    def block() -> None:
        with store.transaction() as draft:
            draft["b"] = draft["n"]

    def late(call: Any) -> Any:
        def run() -> float:
            time.sleep(1)
            call()
            return round(time.monotonic() - began, 1)

        return run

    calls = [lambda: store.set("s", 1), lambda: store.update("u", lambda _: store.get("n")), block]
    _, *ends = together(hold, *map(late, calls), names=("holder", "set", "update", "transaction"))
    return [ends, dict(store.snapshot())]


@kind("schedules")
def test_writers_wait_for_an_open_transaction(explore: Explore) -> None:
    """While a transaction is open, set, update and transaction of other threads wait, and see what it committed"""
    for fails in (False, True):
        for ends, settings in explore(wait_for_a_block, fails, schedules=15):
            n = 0 if fails else 1
            for call, end in zip(("set", "update", "transaction"), ends, strict=True):
                expect(
                    end >= 100,
                    f"A transaction was open for 100 s; {call} of another thread came after 1 s and was done at {end:g} s.",
                    idea="A writer that comes in between makes what the transaction has read so far untrue.",
                )
            expect(
                settings == {"n": n, "s": 1, "u": n, "b": n},
                f"A transaction with n = 1 {'failed' if fails else 'ended'}; then set s = 1, update u to n, and b = n: "
                f"{settings}.",
                idea=ONE_STEP,
            )


@scenario
def sums(student: Any) -> list[Any]:
    """What others saw of a transaction with an inner one, and of one that fails: [a, b] of each version that was seen."""
    store, seen = student.SettingsStore({"a": 50, "b": 50, "gone": 0}), []

    def look(settings: Any) -> bool:
        seen.append([settings["a"], settings["b"]])
        return bool(settings["a"] == 40)

    def move() -> None:
        with contextlib.suppress(OSError), store.transaction() as draft:
            draft["a"] = -1
            pause()
            raise OSError
        with store.transaction() as draft:
            draft["a"] -= 10
            store.set("c", 1)
            pause()
            del draft["gone"]
            draft["b"] += 10

    def read() -> list[Any]:
        look(store.snapshot())
        got = [store.get("gone", 0), store.get("a"), store.get("b")]
        look(store.snapshot())
        return got

    store.subscribe(lambda old, new: [look(old), look(new)])
    _, got, _ = together(move, read, lambda: store.wait_for(look, timeout=50), names=("writer", "reader", "waiter"))
    soon()
    return [sorted({tuple(pair) for pair in seen}), got]


@kind("schedules")
def test_nobody_sees_half_a_transaction(explore: Explore) -> None:
    """While 10 goes from a to b, every snapshot, and whatever else others are given, has 100 in all"""
    for bound in (1, None):
        for seen, (gone, a, b) in explore(sums, bound=bound, schedules=200, seconds=1.5):
            for one, other in seen:
                expect(
                    [one, other] in ([50, 50], [40, 60]),
                    f"A transaction moves 10 from a to b, both are 50; somebody was given a = {one} and b = {other}.",
                    idea=DRAFT,
                )
            expect(
                gone == 0 and a in (50, 40) and b in (50, 60),
                f"A transaction moves 10 from a to b, both are 50; get gave a = {a} and b = {b} to another thread.",
                idea=DRAFT,
            )


# -- wait_for ------------------------------------------------------------------------------------------


@scenario
def wait_in_vain(student: Any) -> list[Any]:
    store, rows = student.SettingsStore({"n": 0}), []
    for timeout in (0, None, 5):
        got, took = outcome_within(10, lambda timeout=timeout: store.wait_for(lambda s: s["n"] == 0, timeout))
        rows.append([f"n is 0; wait_for(n == 0, {timeout}) gave", got, {"n": 0}, 1])
        rows.append([f"n is 0; wait_for(n == 0, {timeout}) took so many seconds", took, 0, 1])
    for timeout in (0, -1, 1, 2.5):
        got, took = outcome_within(10, lambda timeout=timeout: store.wait_for(lambda s: s["n"] == 1, timeout=timeout))
        rows.append([f"n stays 0; wait_for(n == 1, timeout={timeout}) gave", got, "TimeoutError"])
        rows.append([f"n stays 0; wait_for(n == 1, timeout={timeout}) took so many seconds", took, max(0, timeout)])
    return rows


@scenario
def woken_in_vain(student: Any) -> list[Any]:
    store = student.SettingsStore({"n": 0})

    def disturb() -> None:
        for _ in range(8):
            time.sleep(1)
            store.update("n", lambda n: n + 1)

    def wait() -> list[Any]:
        return outcome_within(30, lambda: store.wait_for(lambda s: s["n"] == 100, timeout=5.5))

    got, took = together(wait, disturb, names=("main", "writer"))[0]
    what = "A commit every second, none with n == 100; wait_for(n == 100, timeout=5.5)"
    return [[f"{what} gave", got, "TimeoutError", 2], [f"{what} took so many seconds", took, 5.5]]


@kind("failure")
def test_a_wait_ends_when_its_time_is_over(explore: Explore) -> None:
    """TimeoutError comes after the timeout, which covers the whole call; 0 or less only looks at the present version"""
    for play in (wait_in_vain, woken_in_vain):
        for rows in explore(play, schedules=10):
            expect_rows(
                rows,
                "The timeout is for the whole call: at which moment does that end? 0 is a timeout, None is none.",
                "The present version is the first that the predicate is asked about, whatever the timeout.",
                "A new version is a reason to ask the predicate again, and no more than that.",
            )


@scenario
def a_predicate_fails(student: Any) -> list[Any]:
    store = student.SettingsStore({"n": 0})

    def picky(settings: Any) -> bool:
        if settings["n"] == 1:
            raise OSError("not 1")
        return bool(settings["n"] == 2)

    def write() -> Any:
        time.sleep(1)
        got = outcome_of(lambda: store.set("n", 1))
        time.sleep(1)
        store.set("n", 2)
        return got

    failed, other, wrote = together(
        lambda: outcome_of(lambda: store.wait_for(picky, timeout=100)),
        lambda: outcome_of(lambda: store.wait_for(lambda s: s["n"] == 2, timeout=100)),
        write,
        names=("picky waiter", "waiter", "writer"),
    )
    return [
        ["A predicate raises OSError at the version n = 1; its wait_for gave", failed, "OSError"],
        ["The writer of n = 1 got", wrote, None],
        ["Another thread waited for n == 2 and got", other, {"n": 2}],
    ]


@kind("failure")
def test_what_a_predicate_raises_is_raised(explore: Explore) -> None:
    """A predicate raises: its wait_for raises that, and nobody else notices"""
    for rows in explore(a_predicate_fails, schedules=15):
        expect_rows(rows, "Whose call is it that a failing predicate belongs to, and what does it leave behind?")


@scenario
def wait_and_change(student: Any, way: str, waiters: int) -> list[Any]:
    store = student.SettingsStore({"ready": False})

    def change() -> None:
        if way == "set":
            store.set("ready", True)
        elif way == "update":
            store.update("ready", lambda ready: not ready)
        else:
            with store.transaction() as draft:
                draft["ready"] = True

    def wait() -> Any:
        return outcome_of(lambda: store.wait_for(lambda s: s["ready"]))

    *got, _ = together(*[wait] * waiters, change, names=(*[f"waiter {n}" for n in range(1, waiters + 1)], "writer"))
    return [got, dict(store.snapshot())]


@kind("schedules")
def test_no_wake_up_is_missed(explore: Explore) -> None:
    """A version comes while threads begin to wait for it: all of them return it"""
    for way, waiters, bound in (("set", 1, 1), ("transaction", 2, None), ("update", 2, None)):
        for got, last in explore(wait_and_change, way, waiters, bound=bound, schedules=120, seconds=1.0):
            expect(
                got == [{"ready": True}] * waiters and last == {"ready": True},
                f"Waiting for ready, which was then changed by {way}: wait_for gave {' and '.join(map(str, got))}; "
                f"the snapshot is {last}.",
                idea=LOOK_AGAIN,
            )


@scenario
def flash(student: Any, slow: bool) -> Any:
    """What a waiter for n == 2 got, when n is 2 only until the next commit."""
    store = student.SettingsStore({"n": 0})

    def predicate(settings: Any) -> bool:
        time.sleep(10 if slow else 0)
        return bool(settings["n"] == 2)

    def write() -> None:
        time.sleep(1)
        for n in (1, 2, 3):
            store.set("n", n)

    wait = lambda: outcome_of(lambda: store.wait_for(predicate, timeout=200 if slow else 5))  # noqa: E731  # names what together() calls
    return together(wait, write, names=("waiter", "writer"))[0]


@kind("schedules")
def test_a_waiter_skips_no_version(explore: Explore) -> None:
    """n becomes 1, 2 and 3 at once: who waits for n == 2 gets that version"""
    for slow in (False, True):
        for got in explore(flash, slow, schedules=60):
            expect(
                got != {"n": 3},
                "A thread waited for n == 2; n became 1, 2 and 3, and wait_for returned n = 3, for which the predicate is false.",
                idea="What wait_for returns is the very version that the predicate was asked about.",
            )
            expect(
                got == {"n": 2},
                f"A thread waited for n == 2{' with a slow predicate' if slow else ''}; n became 1, 2 and 3: {got}.",
                idea="When a waiter gets to look, the version that it waited for may have been replaced. Where does it find "
                "those that it has not seen?",
            )


# -- who waits for whom --------------------------------------------------------------------------------


@scenario
def beside_foreign_code(student: Any, what: str) -> list[Any]:
    """[call, virtual seconds, result] of calls while foreign code takes 100 s in another thread."""
    store, began = student.SettingsStore({"a": 1}), []

    def slow(*_: Any) -> int:
        if not began:
            began.append(True)
            time.sleep(100)
        return 5

    def hold() -> None:
        if what == "a transaction":
            with store.transaction() as draft:
                draft["a"] = 2
                slow()
        elif what == "fn":
            store.update("a", slow)
        elif what == "a predicate":
            store.wait_for(slow)
        else:
            store.subscribe(slow)
            store.set("a", 2)

    calls = {"snapshot()": lambda: dict(store.snapshot())["a"], "get('a')": lambda: store.get("a")}
    if what == "a subscriber":
        calls["set('b', 1)"] = lambda: store.set("b", 1)
        calls["update('b', ...)"] = lambda: store.update("b", lambda b: b + 1)

    def quick() -> list[Any]:
        time.sleep(1)
        took = []
        for name, call in calls.items():
            before = time.monotonic()
            result = call()
            took.append([name, round(time.monotonic() - before, 1), result])
        return took

    return together(hold, quick, names=("slow one", "quick one"))[1]


@kind("bounds")
def test_readers_never_wait_for_a_writer(explore: Explore) -> None:
    """snapshot and get return while a transaction is open, while fn or a predicate runs, with the values committed before"""
    for what in ("a transaction", "fn", "a predicate"):
        for took in explore(beside_foreign_code, what, schedules=15):
            for call, seconds, result in took:
                expect(
                    seconds < 1,
                    f"In another thread, {what} took 100 s; {call} waited for {seconds:g} s of it.",
                    idea=NO_LOCK_TO_READ,
                )
                expect(
                    result == 1,
                    f"a is 1, and {what} of another thread is not done; {call} gave {result}.",
                    idea=DRAFT,
                )


@kind("bounds")
def test_nobody_waits_for_a_subscriber(explore: Explore) -> None:
    """While a subscriber runs, other threads read and write"""
    for took in explore(beside_foreign_code, "a subscriber", schedules=15):
        for call, seconds, _ in took:
            expect(
                seconds < 1,
                f"A subscriber took 100 s; {call} of another thread waited for {seconds:g} s of it.",
                idea=FOREIGN,
            )


@scenario
def many_snapshots(student: Any, count: int) -> list[Any]:
    """How many snapshots another thread took while this one had a transaction open, and whether it was done."""
    store, taken, errors, done = student.SettingsStore({"a": 1}), 0, [], threading.Event()

    def read() -> None:
        nonlocal taken
        try:
            for _ in range(count):
                store.snapshot()
                taken += 1
        except BaseException as error:
            errors.append(error)
        done.set()

    reader = threading.Thread(target=read, daemon=True)
    with store.transaction() as draft:
        draft["a"] = 2
        reader.start()
        before = -1
        while not done.wait(3) and taken > before:  # as long as it gets on, it has time
            before = taken
        seen = [taken, done.is_set()]
    reader.join()
    if errors:
        raise errors[0]
    return seen


@kind("bounds")
def test_thousands_of_snapshots_beside_a_transaction(submission: Submission) -> None:
    """A thread takes 200 000 snapshots while another one keeps a transaction open"""
    taken, done = submission.run(many_snapshots, 200_000)
    expect(
        done,
        f"A transaction was open; another thread wanted 200000 snapshots, got {taken}, and did not get on.",
        idea=NO_LOCK_TO_READ,
    )


@scenario
def beside_another_store(student: Any) -> float:
    first, second = student.SettingsStore({"a": 1}), student.SettingsStore({"a": 1})

    def hold() -> None:
        with first.transaction() as draft:
            draft["a"] = 2
            time.sleep(100)

    def quick() -> float:
        time.sleep(1)
        before = time.monotonic()
        second.set("a", 3)
        return round(time.monotonic() - before, 1)

    return together(hold, quick, names=("first store", "second store"))[1]


@kind("bounds")
def test_two_stores_never_wait_for_each_other(explore: Explore) -> None:
    """A transaction of one store keeps nobody waiting who writes to another one"""
    for waited in explore(beside_another_store, schedules=15):
        expect(
            waited < 1,
            f"A transaction of one store was open for 100 s; a set in another store waited for {waited:g} s of it.",
            idea="What do the two stores share, though none of their settings is shared? Where is your lock made?",
        )


@scenario
def wait_half_a_second(student: Any) -> list[Any]:
    store, answers = student.SettingsStore({"n": 0}), []

    def wait() -> None:
        answers.append(outcome_of(lambda: store.wait_for(lambda s: s["n"] == 1, timeout=0.5)))

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@kind("bounds")
def test_waiting_costs_no_processor_time(submission: Submission) -> None:
    """Two threads that wait for half a second use next to no processor time"""
    answers = submission.timed(wait_half_a_second)
    expect(
        answers == ["TimeoutError"] * 2,
        f"Two wait_for(n == 1, timeout=0.5) in vain gave {' and '.join(map(str, answers))}.",
        idea="How does your code notice that the time is up, and what does it do then?",
    )
    expect(
        submission.cpu < 0.08,
        f"Two threads waited for 0.5 s, and used {submission.cpu:.2f} s of processor time.",
        idea=NOBODY_POLLS,
    )


@scenario
def wait_for_hours(student: Any, timeout: float | None) -> list[Any]:
    """Seconds for which a wait_for waited while nothing changed, and the steps that its thread took meanwhile."""
    store = student.SettingsStore({"n": 0})
    # A daemon: the schedule is over when the scenario is, whether this call has ended or not.
    wait = lambda: outcome_of(lambda: store.wait_for(lambda s: s["n"] == 1, timeout))  # noqa: E731  # it fits one line
    threading.Thread(target=wait, name="waiter", daemon=True).start()
    return [*quiet()]


@kind("bounds")
def test_who_waits_takes_no_steps(explore: Explore) -> None:
    """A wait_for does nothing at all until there is a new version, for hours"""
    for timeout in (None, 1e6):
        for seconds, taken in explore(wait_for_hours, timeout, schedules=2):
            expect(
                taken <= 3,
                f"wait_for waited, and nothing changed: in {seconds:g} s it took {taken} steps.",
                idea=NOBODY_POLLS,
            )


@scenario
def use(student: Any) -> dict[str, Any]:
    store = student.SettingsStore({"n": 0})
    end = store.subscribe(lambda old, new: None)

    def add() -> None:
        for _ in range(20):
            store.update("n", lambda n: n + 1)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    found = dict(store.wait_for(lambda s: s["n"] == 60))
    for thread in threads:
        thread.join()
    outcome_of(lambda: store.wait_for(lambda s: s["n"] == 0, timeout=0.01))
    end()
    return found


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """No thread is left when the store is no longer used"""
    found = submission.run(use)
    expect(found == {"n": 60}, f"Three threads added 20 each, and wait_for returned {found}.", idea=ONE_STEP)
    submission.finish().expect_none()
