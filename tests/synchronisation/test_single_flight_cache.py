"""Checks of single_flight_cache."""

from __future__ import annotations

import gc
import random
import threading
import time
import weakref
from typing import Any

from grader.explore import pause, points_passed, together
from grader.judge import Explore, Rendezvouses, Speedup, Submission, expect, kind, scenario

EXERCISE = "single_flight_cache"
WHO_IS_FIRST = (
    "To find that nothing is there and to say 'I am loading it' must be one step for other threads. "
    "What does the second caller find in your table?"
)
SHARED = "The failure of a load belongs to everybody who waited for it, and to nobody who asks later."
REMOVE_FIRST = "Who was told of a failure may ask again at once. In which order do you tell it, and take the load out of your table?"
STALE = "What was being loaded when invalidate() came may be old. Who may join that load afterwards, and who may keep its value?"
WHOSE = "A load that ends may find another one in its place. How does it know whose place that is?"
AGE = "A value's age counts from its own load, by the clock that was handed in."
CHAIN = (
    "A circle closes when a thread asks for what that same thread is loading. What does your code know about each thread, "
    "and is it undone when the load ends?"
)
ELSEWHERE = "Which lock is held while a load runs, and who else needs it?"


# -- one thread ----------------------------------------------------------------------------------------


@scenario
def told(call: Any, *args: Any) -> Any:
    """What the call returned, or the name of the error that a load or a circle may raise."""
    try:
        return call(*args)
    except Exception as error:
        names = [cls.__name__ for cls in type(error).__mro__]
        if "LoadCycle" in names:
            return "LoadCycle"
        if not isinstance(error, OSError):
            raise
        return type(error).__name__


@scenario
def after_an_hour(*calls: Any, names: tuple[str, ...]) -> list[Any]:
    """What calls that begin together have given an hour later; "still waiting" for those that have not ended."""
    given: list[Any] = ["still waiting"] * len(calls)

    def run(number: int) -> None:
        given[number] = calls[number]()

    # Daemons: the schedule is over when the scenario is, whether they have ended or not.
    for number, name in enumerate(names):
        threading.Thread(target=run, args=(number,), name=name, daemon=True).start()
    time.sleep(3600)
    return given


@scenario
def all_kinds_of_values(student: Any) -> list[Any]:
    values: dict[Any, Any] = {
        1: "one", "1": "text", None: ["none"], (1, 2): [], -1: None, -2: 0, "": OSError("a value"), "x": "",
    }  # fmt: skip
    loaded = []

    def load(key: Any) -> Any:
        loaded.append(key)
        return values[key]

    cache, other = student.SingleFlight(load), student.SingleFlight(lambda key: ["other", key])
    wrong = []
    for turn in ("first", "second"):
        for key, value in values.items():
            got = told(cache.get, key)
            if got is not value:
                equal = "another object" if repr(got) == repr(value) else repr(got)[:60]
                wrong.append([f"the {turn} get({key!r})", equal, repr(value)])
    often = [repr(key) for key in values if loaded.count(key) > 1]
    elsewhere = other.get(1)
    return [wrong, often, elsewhere if elsewhere == ["other", 1] else repr(elsewhere)[:60]]


@kind("correctness")
def test_a_value_is_loaded_once_and_kept(explore: Explore) -> None:
    """get loads a value and keeps it; any key and any value will do, and two caches share nothing"""
    for wrong, often, elsewhere in explore(all_kinds_of_values, schedules=5):
        for call, got, due in wrong[:1]:
            expect(
                False,
                f"{call} gave {got}; load returned {due}.",
                idea="get returns the very object that load returned, for the same key. Anything may be a key, "
                "anything a value.",
            )
        expect(
            not often,
            f"Each key was asked for twice, in one thread, and load was called again for {', '.join(often)}.",
            idea="Anything may be a value, also None and 0. How does your code know that a key has been loaded?",
        )
        expect(
            elsewhere == ["other", 1],
            f"Another cache, with a load of its own, gave {elsewhere} for get(1).",
            idea="What do two caches share, and why? Look at what stands outside __init__.",
        )


# -- many ask at once ----------------------------------------------------------------------------------


@scenario
def some_readers(student: Any, readers: int) -> list[Any]:
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        value = f"article {loads}"
        pause()
        return value

    cache = student.SingleFlight(load)

    def read() -> Any:
        return told(cache.get, "news")

    got = together(*[read] * readers, names=("reader 1", "reader 2", "reader 3")[:readers])
    return [loads, got]


@scenario
def two_keys(student: Any) -> list[Any]:
    loaded = []

    def load(key: str) -> str:
        loaded.append(key)
        pause()
        return key.upper()

    cache = student.SingleFlight(load)
    keys = ("news", "sport", "news", "sport")
    got = together(*(lambda key=key: told(cache.get, key) for key in keys), names=tuple(f"reader of {k}" for k in keys))
    return [got, sorted(loaded)]


@kind("schedules")
def test_who_comes_at_the_same_time_shares_one_load(explore: Explore) -> None:
    """Three readers ask for the same key at once: one load, and all get its value; each key has its own"""
    # With one switch in a bad place, all of them; then at random.
    for readers, bound in ((2, 1), (3, None)):
        many = {2: "Two", 3: "Three"}[readers]
        schedules = 300 if bound else 80
        for loads, got in explore(some_readers, readers, bound=bound, schedules=schedules, seconds=1.5):
            expect(
                "LoadCycle" not in got,
                f"{many} readers asked for one key, and one of them got LoadCycle. It was loading nothing: it had to wait.",
                idea=CHAIN,
            )
            expect(
                loads == 1, f"{many} readers asked for one key at once: {loads} loads for one key.", idea=WHO_IS_FIRST
            )
            expect(
                got == ["article 1"] * readers,
                f"One load returned 'article 1'; the readers got {', '.join(map(repr, got))}.",
                idea="Who waited for a load gets what it returned. When is a waiter let go, and where does it look then?",
            )
    for got, loaded in explore(two_keys, schedules=60, seconds=1.0):
        expect(
            got == ["NEWS", "SPORT", "NEWS", "SPORT"],
            f"Four readers asked for news, sport, news, sport; they got {', '.join(map(repr, got))}.",
            idea="What belongs to one key, and what to the whole cache?",
        )
        expect(
            loaded == ["news", "sport"],
            f"Two readers of each of two keys: the loads were {', '.join(loaded)}.",
            idea=WHO_IS_FIRST,
        )


# -- who waits for whom --------------------------------------------------------------------------------


@scenario
def ask_for_all(student: Any, load: Any, keys: list[int]) -> list[Any]:
    """Each key is asked for by a thread of its own."""
    cache = student.SingleFlight(load)
    got: list[Any] = [None] * len(keys)

    def ask(number: int) -> None:
        got[number] = cache.get(keys[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(keys))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@kind("bounds")
def test_different_keys_load_at_the_same_time(submission: Submission, rendezvous: Rendezvouses) -> None:
    """Two loads of different keys are at work at the same time, and so are twenty-four"""
    for count in (2, 24):
        meeting = rendezvous(count)

        def load(key: object, meeting: Any = meeting) -> str:
            meeting.enter()
            return f"value of {key}"

        # Multiples of 4096, which fall into the same one of any usual number of drawers.
        keys = [4096 * number for number in range(1, count + 1)]
        got = submission.run(ask_for_all, load, keys)
        expect(
            meeting.met,
            f"{count} threads asked for {count} different keys: at most {meeting.most} load(s) ran at once.",
            idea=ELSEWHERE,
        )
        expect(
            got == [f"value of {key}" for key in keys],
            f"{count} threads asked for {count} keys, and not all got the value of their own key.",
            idea="What belongs to one key, and what to the whole cache?",
        )


@scenario
def beside_a_slow_load(student: Any) -> list[float]:
    """Seconds that four calls took while another thread was loading for 100 s."""

    def load(key: str) -> str:
        if key == "slow":
            time.sleep(100)
        return key

    cache = student.SingleFlight(load, ttl=1000)
    cache.get("kept")

    def quick() -> list[float]:
        time.sleep(1)
        took = []
        for call, key in (
            (cache.get, "kept"),
            (cache.get, "new"),
            (cache.invalidate, "kept"),
            (cache.invalidate, "slow"),
        ):
            began = time.monotonic()
            call(key)
            took.append(round(time.monotonic() - began, 2))
        return took

    return together(lambda: cache.get("slow"), quick, names=("slow reader", "quick one"))[1]


@kind("bounds")
def test_a_slow_load_keeps_nobody_else_waiting(explore: Explore) -> None:
    """While a key is being loaded, other keys are given and loaded, and invalidate returns, also for that key"""
    calls = ("get of a kept value", "get of another key", "invalidate of another key", "invalidate of that key")
    for took in explore(beside_a_slow_load, schedules=20):
        for call, seconds in zip(calls, took, strict=True):
            expect(seconds < 1, f"A load took 100 s; {call} had to wait for {seconds:g} s of it.", idea=ELSEWHERE)


@scenario
def wait_for_hours(student: Any) -> list[Any]:
    """Seconds for which a get waited for another thread's load, the steps that were taken meanwhile, and the loads."""
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        time.sleep(100_000)
        return key

    cache = student.SingleFlight(load)
    # Daemons: the schedule is over when the scenario is, whether these calls have ended or not.
    for name in ("loader", "waiter"):
        threading.Thread(target=lambda: told(cache.get, "news"), name=name, daemon=True).start()
        time.sleep(0.1)
    before, seconds = points_passed(), 0.0
    for span in (0.1, 1, 10, 100, 1000, 10_000):
        time.sleep(span)
        seconds = round(seconds + span, 1)
        if points_passed() - before > 20 or loads > 1:
            break
    return [seconds, points_passed() - before, loads]


@kind("bounds")
def test_who_waits_takes_no_steps(explore: Explore) -> None:
    """A get that waits for another thread's load does nothing at all until it ends, for hours"""
    for seconds, taken, loads in explore(wait_for_hours, schedules=2):
        expect(
            loads == 1,
            f"A load takes long. A get waited for it for {seconds:g} s, then it called load itself.",
            idea="Who waits, waits as long as it takes: a second load makes a slow database no faster.",
        )
        expect(
            taken <= 3,
            f"A get waited for another thread's load: in {seconds:g} s it took {taken} steps.",
            idea="Whoever waits should sleep until it is woken: by a future, an event, a condition. Who knows when the "
            "load has ended?",
        )


# -- invalidate ----------------------------------------------------------------------------------------


@scenario
def forget_one(student: Any) -> list[Any]:
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        return f"{key} {loads}"

    cache = student.SingleFlight(load)
    seen = [cache.get("a"), cache.get("b")]
    for key in ("a", "a", "never asked for"):
        cache.invalidate(key)
    return [*seen, cache.get("a"), cache.get("a"), cache.get("b"), cache.get("never asked for")]


@kind("correctness")
def test_invalidate_forgets_one_key(explore: Explore) -> None:
    """After invalidate, the next get loads anew, once; other keys are kept, and an unknown key is no error"""
    for seen in explore(forget_one, schedules=5):
        due = ["a 1", "b 2", "a 3", "a 3", "b 2", "never asked for 4"]
        expect(
            seen == due,
            f"get a, b, then invalidate a, then a, a, b and a new key gave {', '.join(map(str, seen))}; "
            f"{', '.join(due)} was due.",
            idea="invalidate is about one key, whether there is a value or not.",
        )


# -- ttl -----------------------------------------------------------------------------------------------


@scenario
def ask_at(student: Any, load: Any, clock: Any, ttl: float | None, moments: int) -> list[Any]:
    cache = student.SingleFlight(load, ttl=ttl, clock=clock)
    seen = []
    for number in range(moments):
        clock(number)
        seen.append(cache.get("news"))
    return seen


@scenario
def ask_by_the_usual_clock(student: Any) -> list[Any]:
    loads = 0

    def load(key: str) -> int:
        nonlocal loads
        loads += 1
        return loads

    cache = student.SingleFlight(load, ttl=10)
    seen = [cache.get("news")]
    for seconds in (9, 2):
        time.sleep(seconds)
        seen.append(cache.get("news"))
    return seen


@kind("correctness")
def test_old_values_are_loaded_anew(submission: Submission, explore: Explore) -> None:
    """A value older than ttl is loaded anew, by the clock that was handed in; without a ttl it never grows old"""
    cases: tuple[tuple[float | None, list[float], list[int]], ...] = (
        (10, [0, 4, 9, 11, 15, 20.5, 22], [1, 1, 1, 2, 2, 2, 3]),
        (0.5, [-70, -69.6, -69.4], [1, 1, 2]),
        (3600, [5e6, 5e6 + 3500, 5e6 + 3700], [1, 1, 2]),
        (0, [7, 8, 9], [1, 2, 3]),
        (None, [0, 1e9], [1, 1]),
    )
    for ttl, moments, due in cases:
        now, loads = moments[0], 0

        def clock(number: int = -1, moments: list[float] = moments) -> float:
            nonlocal now
            if 0 <= number < len(moments):
                now = moments[number]
            return now

        def load(key: object) -> int:
            nonlocal loads
            loads += 1
            return loads

        seen = submission.run(ask_at, load, clock, ttl, len(moments))
        times = ", ".join(f"{moment:g}" for moment in moments)
        expect(
            seen == due,
            f"ttl={ttl}: asked at {times} by the clock that was handed in, get gave values number "
            f"{', '.join(map(str, seen))}; {', '.join(map(str, due))} was due.",
            idea=AGE,
        )
    for seen in explore(ask_by_the_usual_clock, schedules=3):
        expect(
            seen == [1, 1, 2],
            f"ttl=10, and no clock was handed in: asked after 0, 9 and 11 s, get gave values number "
            f"{', '.join(map(str, seen))}; 1, 1, 2 was due.",
            idea="Without another clock it is time.monotonic that tells a value's age.",
        )


@scenario
def readers_of_an_old_value(student: Any, readers: int) -> list[Any]:
    now, loads = 1000.0, 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        value = f"article {loads}"
        pause()
        return value

    cache = student.SingleFlight(load, ttl=10, clock=lambda: now)
    first = told(cache.get, "news")
    now = 1020.0

    def read() -> Any:
        return told(cache.get, "news")

    got = together(*[read] * readers, names=("reader 1", "reader 2", "reader 3")[:readers])
    return [loads, first, got, told(cache.get, "news")]


@kind("schedules")
def test_an_old_value_is_loaded_anew_once(explore: Explore) -> None:
    """Three readers find a value that is too old: one load, and nobody gets the old value"""
    for readers, bound in ((2, 1), (3, None)):
        schedules = 300 if bound else 60
        seen = explore(readers_of_an_old_value, readers, bound=bound, schedules=schedules, seconds=1.5)
        for loads, first, got, last in seen:
            expect(
                "article 1" not in [*got, last] and first == "article 1",
                f"'article 1' was 20 s old with ttl=10; the readers got {', '.join(map(repr, got))}.",
                idea="Who finds an old value waits for the new one, also if another thread is already loading it.",
            )
            expect(
                loads == 2,
                f"A value was too old, and {readers} readers asked for it at once: {loads - 1} loads, one was due.",
                idea=WHO_IS_FIRST,
            )
            expect(
                got == ["article 2"] * readers and last == "article 2",
                f"The new load returned 'article 2'; the readers got {', '.join(map(repr, [*got, last]))}.",
                idea="Who takes the old value out may not take out the new one, which another thread has just put there.",
            )


@scenario
def a_load_that_takes_longer_than_ttl(student: Any) -> list[Any]:
    now, loads = 0.0, 0

    def load(key: str) -> str:
        nonlocal loads, now
        loads += 1
        value = f"article {loads}"
        time.sleep(2)
        now += 50
        time.sleep(8)
        return value

    cache = student.SingleFlight(load, ttl=10, clock=lambda: now)

    def read(after: float) -> Any:
        time.sleep(after)
        return told(cache.get, "news")

    got = together(
        *(lambda after=after: read(after) for after in (0, 1, 1, 5)), names=("r1", "r2", "r3", "late reader")
    )
    return [loads, got]


@kind("schedules")
def test_a_slow_load_is_no_old_value(explore: Explore) -> None:
    """A load takes longer than ttl: who waits for it gets its value, and nobody loads a second time"""
    for loads, got in explore(a_load_that_takes_longer_than_ttl, schedules=20):
        expect(
            loads == 1 and got == ["article 1"] * 4,
            f"ttl=10, and a load took 50 s by the clock. Four readers asked while it ran: {loads} loads, "
            f"they got {', '.join(map(repr, got))}.",
            idea="Before it is loaded, a value has no age; and who waited for it takes it as it comes.",
        )


# -- loads that fail -----------------------------------------------------------------------------------


@scenario
def fail_for_all(student: Any) -> list[Any]:
    raised: list[Exception] = []

    def load(key: str) -> str:
        time.sleep(10)
        raised.append(OSError("the database is down"))
        raise raised[-1]

    cache = student.SingleFlight(load)

    def read() -> Any:
        try:
            return f"the value {cache.get('news')!r}"[:60]
        except Exception as error:
            if isinstance(error, NotImplementedError):
                raise
            return error

    others = []
    for got in after_an_hour(read, read, read, read, names=("reader 1", "reader 2", "reader 3", "reader 4")):
        if not raised or got is not raised[0]:
            others.append(got if isinstance(got, str) else f"{type(got).__name__}({str(got)!r})"[:60])
    return [len(raised), sorted(others)]


@kind("failure")
def test_a_failure_is_shared_by_all_who_wait(explore: Explore) -> None:
    """A load fails while three others wait for it: all four get the very exception object, and load is called once"""
    for loads, others in explore(fail_for_all, schedules=20):
        expect(
            loads == 1,
            f"Four readers asked for one key at once, and the load failed: it was called {loads} times.",
            idea="If each waiter tries again, a database that is down gets a hundred requests, one after the other. "
            + SHARED,
        )
        expect(
            "still waiting" not in others,
            f"Four readers asked for one key, and the load failed after 10 s: an hour later {others.count('still waiting')} "
            "of them were still waiting.",
            idea="Who tells the others when load does not return, but raises?",
        )
        expect(
            not others,
            f"A load raised OSError; {4 - len(others)} of four readers got that object, the others got: "
            f"{', '.join(others)}.",
            idea=SHARED,
        )


@scenario
def fail_in_between(student: Any, how: str) -> list[Any]:
    """What get gives when loads fail and work in turn, and how many loads there were."""
    now, loads = 0.0, 0
    works = how != "first"

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        if not works:
            raise OSError("the database is down")
        return f"article {loads}"

    cache = student.SingleFlight(load, ttl=10, clock=lambda: now)
    if works:
        cache.get("news")
        works = False
        if how == "expired":
            now = 20.0
        else:
            cache.invalidate("news")
    failed = [told(cache.get, "news"), told(cache.get, "news")]
    works = True
    return [failed, [told(cache.get, "news"), told(cache.get, "news")], loads]


@kind("failure")
def test_a_failure_is_not_kept(explore: Explore) -> None:
    """The next get after a failure loads again; an old value is not given instead"""
    for how, before in (("first", 0), ("expired", 1), ("invalidated", 1)):
        value = f"article {before + 3}"
        what = {"first": "", "expired": "A value grew too old. ", "invalidated": "A value was invalidated. "}[how]
        for failed, later, loads in explore(fail_in_between, how, schedules=3):
            expect(
                "LoadCycle" not in [*failed, *later],
                f"{what}Loads failed, and a later get of the same key, in the same thread, gave LoadCycle.",
                idea=CHAIN,
            )
            expect(
                failed == ["OSError", "OSError"],
                f"{what}The next two loads fail: get gave {failed[0]} and {failed[1]}.",
                idea="An error that nobody sees is worse than an old value that nobody asked for.",
            )
            expect(
                later == [value, value] and loads == before + 3,
                f"{what}Two loads were due to fail, then load works again: two more gets gave {later[0]} and {later[1]}, "
                f"after {loads - before} loads. {value} and 3 loads were due.",
                idea="Values are kept, failures are not. What is left in your table when a load has failed?",
            )


@scenario
def fail_once(student: Any, readers: int, takes: float) -> list[Any]:
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        number = loads
        if takes:
            time.sleep(takes)
        pause()
        if number == 1:
            raise OSError("the database is down")
        return f"article {number}"

    cache = student.SingleFlight(load)

    def read() -> list[Any]:
        first = told(cache.get, "news")
        return [first, told(cache.get, "news")]

    names = ("reader 1", "reader 2", "reader 3")[:readers]
    return [together(*[read] * readers, names=names), loads]


@kind("schedules")
def test_nobody_hangs_when_a_load_fails(explore: Explore) -> None:
    """A load fails once; who asks again after it was told so gets a new load's value, and nobody is left waiting"""
    # Loads that all wait for, with any reader first; one switch in a bad place, all of them; then at random.
    for readers, takes, bound, schedules in ((3, 10, 0, 60), (2, 0, 1, 300), (3, 0, None, 80)):
        for got, loads in explore(fail_once, readers, takes, bound=bound, schedules=schedules, seconds=1.5):
            for _, second in got:
                expect(
                    second != "OSError",
                    "The first load failed, the second works. A reader was told of the failure, asked again, and was "
                    "given the same failure once more.",
                    idea=REMOVE_FIRST,
                )
            expect(
                loads == 2,
                f"The first load failed, the second works; {readers} readers asked twice each: {loads} loads.",
                idea=WHOSE,
            )
            for first, second in got:
                expect(
                    first in ("OSError", "article 2") and second == "article 2",
                    f"The first load failed, the second returned 'article 2'. A reader asked twice and got {first!r} and "
                    f"{second!r}.",
                    idea=SHARED,
                )


@scenario
def interrupt_the_load(student: Any, name: str) -> list[Any]:
    interruption = {"KeyboardInterrupt": KeyboardInterrupt, "SystemExit": SystemExit}[name]
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        if loads == 1:
            time.sleep(10)
            raise interruption
        return "article"

    cache = student.SingleFlight(load)

    def read() -> Any:
        try:
            return told(cache.get, "news")
        except interruption:
            return name

    got = after_an_hour(read, read, read, names=("reader 1", "reader 2", "reader 3"))
    return [sorted(map(str, got)), str(after_an_hour(read, names=("next reader",))[0])]


@kind("failure")
def test_an_interrupted_load_leaves_nobody_waiting(explore: Explore) -> None:
    """KeyboardInterrupt or SystemExit in a load: it is raised, who waited is let go, and the next get loads again"""
    for name in ("KeyboardInterrupt", "SystemExit"):
        for got, later in explore(interrupt_the_load, name, schedules=20):
            expect(
                name in got,
                f"A load raised {name}; three readers were there, and they got {', '.join(got)}.",
                idea="Whatever load raises is raised by the get that called it.",
            )
            expect(
                "still waiting" not in got,
                f"A load raised {name} after 10 s, and three readers were there: an hour later {got.count('still waiting')} of "
                "them were still waiting.",
                idea=f"{name} is no Exception. Which `except` or `finally` lets the waiters go, whatever is raised?",
            )
            expect(
                set(got) <= {name, "article"},
                f"A load raised {name}; three readers were there, and they got {', '.join(got)}.",
                idea=f"{name} is no Exception. Which `except` or `finally` lets the waiters go, and what do they find?",
            )
            expect(
                later == "article",
                f"A load raised {name}; the next get gave {later}, and load works again.",
                idea="Values are kept, failures of any kind are not.",
            )


@scenario
def keys_that_are_alive(student: Any, count: int) -> int:
    """How many keys whose load failed can still be reached from the cache."""

    class Key:
        pass

    def load(key: Key) -> None:
        raise OSError("no such article")

    cache = student.SingleFlight(load)
    kept = []
    for _ in range(count):
        key = Key()
        kept.append(weakref.ref(key))
        told(cache.get, key)
    del key
    gc.collect()
    return sum(reference() is not None for reference in kept)


@kind("failure")
def test_failed_keys_take_no_memory(submission: Submission) -> None:
    """What belongs to a key whose load failed is freed"""
    alive = submission.run(keys_that_are_alive, 300)
    expect(
        alive <= 10,
        f"300 loads of different keys failed, and the cache still holds {alive} of the keys.",
        idea="Somebody asks for addresses that do not exist, all day long. What does each failure leave in your tables?",
    )


# -- loads that ask ------------------------------------------------------------------------------------


@scenario
def page_of_parts(student: Any) -> list[Any]:
    parts = {"page": ("header", "footer", "header"), "header": ("logo",), "footer": ("logo",)}
    loaded = []

    def load(key: str) -> str:
        loaded.append(key)
        if key == "page":
            cache.invalidate("logo")  # a load may also forget
        return " ".join([key, *(f"({cache.get(part)})" for part in parts.get(key, ()))])

    cache = student.SingleFlight(load)
    cache.get("logo")
    page = told(cache.get, "page")
    below = student.SingleFlight(lambda key: f"row {key}")
    above = student.SingleFlight(lambda key: f"shown {below.get(key)}")
    return [page, loaded, told(above.get, 7)]


@kind("correctness")
def test_a_load_may_ask_for_other_keys(explore: Explore) -> None:
    """load may call get for other keys, also one that another load has asked for, and for the same key of another cache"""
    for page, loaded, shown in explore(page_of_parts, schedules=5):
        expect(
            page == "page (header (logo)) (footer (logo)) (header (logo))",
            f"A page needs header, footer and header again; both need logo. No circle, but get('page') gave {page}.",
            idea=CHAIN,
        )
        expect(
            loaded == ["logo", "page", "header", "logo", "footer"],
            f"logo was loaded, and load('page') invalidates it: the loads were {', '.join(loaded)}.",
            idea="What an inner load has loaded is kept like anything else.",
        )
        expect(
            shown == "shown row 7",
            f"Loading 7 for one cache asks another cache for its 7: {shown}. They are different caches.",
            idea="A circle is one within one cache. What do your two caches share?",
        )


def came_of(answer: object) -> str:
    return "was still waiting an hour later" if answer == "still waiting" else f"came to {answer}"


@scenario
def circles(student: Any) -> list[Any]:
    asks = {"a": "a", "b": "c", "c": "d", "d": "b", "careful": "careful"}
    loaded = []

    def load(key: str) -> str:
        loaded.append(key)
        if len(loaded) > 20:
            raise OSError("round and round")
        if key not in asks:
            return f"{key} at last"
        if key != "careful":
            return f"{key} of {cache.get(asks[key])}"
        return f"{told(cache.get, key)} was caught"

    cache = student.SingleFlight(load)

    def ask(key: str) -> Any:
        return after_an_hour(lambda: told(cache.get, key), names=(f"reader of {key}",))[0]

    seen = [ask("a"), ask("b")]
    often = sorted(loaded)
    careful = ask("careful")
    asks.clear()
    return [seen, often, careful, after_an_hour(lambda: [told(cache.get, key) for key in "acb"], names=("reader",))[0]]


@kind("correctness")
def test_a_circle_raises_load_cycle(explore: Explore) -> None:
    """load(a) asks for a, directly or through others: LoadCycle; afterwards the keys can be loaded"""
    for seen, loaded, careful, later in explore(circles, schedules=5):
        expect(
            len(loaded) <= 20,
            f"The load of a asks for a. load was called again and again, {', '.join(loaded[:6])} ..., until the check gave up.",
            idea=CHAIN,
        )
        expect(
            seen == ["LoadCycle", "LoadCycle"],
            f"a needs a: get('a') {came_of(seen[0])}; b needs c, c needs d, d needs b: get('b') {came_of(seen[1])}. "
            "LoadCycle was due.",
            idea=CHAIN,
        )
        expect(
            loaded == ["a", "b", "c", "d"],
            f"Two circles, of a and of b, c, d, were asked for once: the loads were {', '.join(loaded)}.",
            idea="The get that would close the circle raises, before it loads anything.",
        )
        expect(
            careful == "LoadCycle was caught",
            f"A load that catches LoadCycle and returns a value: get gave {careful}.",
            idea="The exception comes from the inner get. What the load makes of it is its own affair.",
        )
        expect(
            later == ["a at last", "c at last", "b at last"],
            f"After the circles were mended, get gave {later} for a, c and b.",
            idea=CHAIN,
        )


@scenario
def two_in_a_circle(student: Any) -> list[Any]:
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        if loads > 20:
            raise OSError("round and round")
        pause()
        return f"{key} of {cache.get({'a': 'b', 'b': 'a'}[key])}"

    cache = student.SingleFlight(load)
    return together(lambda: told(cache.get, "a"), lambda: told(cache.get, "a"), names=("reader 1", "reader 2"))


@kind("schedules")
def test_who_waits_for_a_circle_is_let_go(explore: Explore) -> None:
    """A load runs into a circle while another thread waits for it: both get LoadCycle"""
    for got in explore(two_in_a_circle, schedules=120, seconds=1.5):
        expect(
            got == ["LoadCycle", "LoadCycle"],
            f"a needs b, b needs a, and two threads asked for a: they got {got[0]} and {got[1]}.",
            idea=CHAIN,
        )


@scenario
def page_and_part(student: Any) -> list[Any]:
    loaded = []

    def load(key: str) -> str:
        loaded.append(key)
        pause()
        return "part" if key == "part" else f"{key} of {cache.get('part')}"

    cache = student.SingleFlight(load)
    keys = ("page", "part", "poster")
    got = together(*(lambda key=key: told(cache.get, key) for key in keys), names=tuple(f"reader of {k}" for k in keys))
    return [got, sorted(loaded)]


@kind("schedules")
def test_loads_that_need_the_same_part_share_it(explore: Explore) -> None:
    """Two loads need a part that a third thread is loading: both wait for it, and it is loaded once"""
    for got, loaded in explore(page_and_part, schedules=200, seconds=1.5):
        expect(
            got == ["page of part", "part", "poster of part"],
            f"page and poster need part, and three threads asked for one of each; they got {', '.join(map(repr, got))}.",
            idea=CHAIN,
        )
        expect(
            loaded == ["page", "part", "poster"],
            f"page and poster need part, three threads asked for one of each: the loads were {', '.join(loaded)}.",
            idea=WHO_IS_FIRST,
        )


# -- invalidate, while a load runs ---------------------------------------------------------------------


@scenario
def change_and_invalidate(student: Any, asks: bool) -> list[Any]:
    """What a reader, a writer who `asks` after its change, and somebody who asks later get."""
    row = "old row"

    def load(key: str) -> str:
        seen = row
        pause()
        return seen

    cache = student.SingleFlight(load)

    def change() -> Any:
        nonlocal row
        row = "new row"
        cache.invalidate("news")
        return told(cache.get, "news") if asks else row

    reader, writer = together(lambda: told(cache.get, "news"), change, names=("reader", "writer"))
    return [reader, writer, told(cache.get, "news")]


@kind("schedules")
def test_a_value_from_before_invalidate_never_comes_back(explore: Explore) -> None:
    """A row is changed and invalidated while it is being loaded: a get that begins afterwards never gives the old row"""
    # With one switch in a bad place, all of them; then at random.
    for asks, bound in ((True, 1), (False, 1), (True, None)):
        for reader, writer, later in explore(
            change_and_invalidate, asks, bound=bound, schedules=300 if bound else 60, seconds=2.5
        ):
            expect(
                writer != "old row",
                "A row was changed, then invalidated; a get that began afterwards gave the old row.",
                idea=STALE,
            )
            expect(
                later != "old row",
                "A row was changed and invalidated while it was being loaded. Later, a get gave the old row: the stale value "
                "came back to life.",
                idea=STALE,
            )
            expect(
                reader in ("old row", "new row") and [writer, later] == ["new row", "new row"],
                f"A row was changed while it was read: the reader got {reader!r}, the writer {writer!r}, a later get "
                f"{later!r}.",
                idea=STALE,
            )


@scenario
def two_loads_of_one_key(student: Any, first_takes: float, second_takes: float, fails: bool, forget: str) -> list[Any]:
    """Load 1 begins at 0 s, `forget` is invalidated at 1 s, and gets of news begin at 2 s and at 15 s."""
    loads = 0

    def load(key: str) -> str:
        nonlocal loads
        loads += 1
        number = loads
        if number == 1 and forget == "from inside":
            cache.invalidate("news")
        time.sleep(first_takes if number == 1 else second_takes)
        if fails and number == 1:
            raise OSError("the database is down")
        return f"value {number}"

    cache = student.SingleFlight(load)

    def at(moment: float, call: Any, key: str) -> Any:
        time.sleep(moment)
        return told(call, key)

    first, _, second, third = together(
        lambda: told(cache.get, "news"),
        lambda: at(1, cache.invalidate, "weather" if forget == "from inside" else forget),
        lambda: at(2, cache.get, "news"),
        lambda: at(15, cache.get, "news"),
        names=("reader at 0 s", "writer at 1 s", "reader at 2 s", "reader at 15 s"),
    )
    return [first, second, third, told(cache.get, "news"), loads]


@scenario
def fail_with_an_empty_place(student: Any) -> list[Any]:
    """Two wait for a load that fails; it was invalidated, and nobody has asked since. What they got, and a later get."""
    fails = True

    def load(key: str) -> str:
        time.sleep(10)
        if fails:
            raise OSError("the database is down")
        return "value 2"

    cache = student.SingleFlight(load)

    def at(moment: float, call: Any) -> Any:
        time.sleep(moment)
        return told(call, "news")

    names = ("first reader", "second reader", "writer")
    calls = (lambda: at(0, cache.get), lambda: at(1, cache.get), lambda: at(2, cache.invalidate))
    first, second, _ = after_an_hour(*calls, names=names)
    fails = False
    return [first, second, *after_an_hour(lambda: told(cache.get, "news"), names=("third reader",))]


@kind("schedules")
def test_an_old_load_that_ends_leaves_the_newer_one_alone(explore: Explore) -> None:
    """Invalidated during a load: a get that comes later loads anew, once, and the end of the old load changes nothing"""
    # The newer load runs when the old one ends; or it has ended before, unless it had to wait for the old one.
    for first_takes, second_takes in ((10, 20), (30, 3)):
        for fails, forget in ((False, "news"), (True, "news"), (False, "from inside")):
            seen = explore(two_loads_of_one_key, first_takes, second_takes, fails, forget, schedules=12)
            when = "at 1 s" if forget == "news" else "by that load itself"
            ended = "failed" if fails else "ended"
            story = f"Load 1 began at 0 s and {ended} at {first_takes} s; the key was invalidated {when}. "
            for first, second, third, later, loads in seen:
                expect(
                    "value 1" not in (second, third),
                    f"{story}Gets that began at 2 s and 15 s gave {second} and {third}.",
                    idea=STALE,
                )
                expect(
                    "OSError" not in (second, third, later) and (fails or first != "OSError"),
                    f"{story}Gets that began at 0, 2 and 15 s gave {first}, {second} and {third}, a later one {later}.",
                    idea="Who asks after invalidate() has nothing to do with a load that began before, whatever becomes of it.",
                )
                expect(
                    later != "value 1",
                    f"{story}Load 2 returned 'value 2'; afterwards a get gave 'value 1': the stale value came back to life.",
                    idea=STALE,
                )
                expect(
                    loads == 2,
                    f"{story}Load 2 began later, and everybody who asked then was to share it: {loads} loads in all.",
                    idea=WHOSE,
                )
                expect(
                    [second, third, later] == ["value 2"] * 3 and first in ("value 1", "value 2", "OSError"),
                    f"{story}Gets at 0, 2 and 15 s gave {first}, {second}, {third}, a later one {later}.",
                    idea=WHOSE,
                )
    for first, second, third in explore(fail_with_an_empty_place, schedules=12):
        expect(
            [first, second, third] == ["OSError", "OSError", "value 2"],
            "Two readers waited for a load; the key was invalidated, nobody asked for it again, and the load failed: "
            f"one {came_of(first)}, the other {came_of(second)}, a later get {came_of(third)}.",
            idea="A load that ends may find that it is no longer in the table. Who still waits for it?",
        )
    for first, second, third, later, loads in explore(two_loads_of_one_key, 10, 20, False, "weather", schedules=12):
        expect(
            loads == 1 and [first, second, third, later] == ["value 1"] * 4,
            f"While news was being loaded, another key was invalidated: news was loaded {loads} times, and four gets gave "
            f"{first}, {second}, {third} and {later}.",
            idea="invalidate is about one key, whether it is there, is being loaded, or was never asked for.",
        )


# -- all together --------------------------------------------------------------------------------------


@scenario
def use(student: Any) -> list[Any]:
    def load(key: int) -> int:
        if key == 3:
            raise OSError("no such article")
        return 2 * key if key < 4 else cache.get(key - 4)

    cache = student.SingleFlight(load, ttl=30)
    got: list[Any] = []
    threads = [
        threading.Thread(target=lambda key=number % 6: got.append(told(cache.get, key)), name=f"reader {number}")
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.invalidate(1)
    return sorted(map(str, got))


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """No thread is left when the cache is no longer used"""
    got = submission.run(use)
    expect(
        got == sorted(map(str, [0, 2, 4, "OSError", 0, 2] * 2)),
        f"Twelve readers asked for keys 0 to 5, of which 3 fails; they got {', '.join(got)}.",
        idea=WHO_IS_FIRST,
    )
    submission.finish().expect_none()


@kind("speedup")
def test_twelve_readers_of_four_keys_wait_for_one_load(
    submission: Submission, speedup: Speedup, rng: random.Random
) -> None:
    """Twelve readers of four keys, 60 ms a load, are done at least 4 times as fast as one after the other, after 4 loads"""

    def fresh() -> dict[str, int]:
        return {f"article {rng.randrange(1 << 40)}": rng.randrange(1 << 40) for _ in range(4)}

    def one_after_the_other(values: dict[str, int]) -> list[int]:
        got = []
        for value in list(values.values()) * 3:
            time.sleep(0.06)  # what the database takes
            got.append(value)
        return got

    def attempt(values: dict[str, int]) -> Any:
        loaded: list[str] = []

        def load(key: str) -> int:
            if key not in values:
                raise KeyError(key)
            loaded.append(key)
            time.sleep(0.06)
            return values[key]

        got = submission.timed(ask_for_all, load, list(values) * 3)
        expect(
            sorted(loaded) == sorted(values),
            f"Twelve readers asked for four keys at once: {len(loaded)} loads, four were due.",
            idea=WHO_IS_FIRST,
        )
        return got

    speedup.latency(fresh=fresh, baseline=one_after_the_other, attempt=attempt, at_least=4)
