"""Checks of connection_pool."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from grader.explore import pause, quiet, together, watch
from grader.judge import Explore, Rendezvouses, Speedup, Submission, expect, kind, scenario

EXERCISE = "connection_pool"
EXITS = (
    "A lease takes a place. List every line that can raise before the place is given back: at which exits of `lease` is "
    "it given back, and how often?"
)
ORDER = "Close it first, then free its place: who waits for the place connects at once."
ONE_STEP = "To look whether there is room and to take it must be one step for other threads. Which lock is held over both?"
ELSEWHERE = "Which lock is held while slow work runs, and who else needs it?"
WHO_WAKES = "Who sleeps must be woken by the one who makes room, also if that one fails. Who does that, and on which paths?"
LAST_MOMENT = "A waiter's time may be up just when it was given a place. What does it look at then, and who gets the place?"
CLOSING = "close() comes while a connection is on its way: between which two steps of yours, and who closes it then?"
COUNTING = "Each number goes up and down at one place each, on all paths, also when something raises."
WHOLE_MAP = "Whoever reads GUARDED_BY a year from now must be able to believe it, and to find everything in it."


# -- what plays inside -----------------------------------------------------------------------------------


@scenario
@dataclass
class Conn:
    """All of them are equal, which also makes them unhashable."""

    name = ""
    is_true = True
    is_open = True
    healthy = True
    users = 0

    def __bool__(self) -> bool:
        return self.is_true


@scenario
class Database:
    """Gives the three functions that a pool works with, and counts."""

    def __init__(self, name: str = "connection", *, fails: int = 0, pauses: bool = False) -> None:
        self.name = name
        self.fails, self.pauses = fails, pauses
        self.error: type[BaseException] = OSError
        self.slow: tuple[float, float] = (-1, -1)  # calls that begin in this span of time take 100 s
        self.bad: dict[str, bool] = {}  # which of "is_healthy" and "close_conn" raise
        self.made: list[Any] = []
        self.existing = self.most = self.asked = 0
        self.closings: list[str] = []

    def pool(self, student: Any, size: int) -> Any:
        return student.ConnectionPool(
            self.connect, size=size, is_healthy=self.is_healthy, close_conn=self.close_conn
        )

    def work(self) -> None:
        begin, end = self.slow
        if begin <= time.monotonic() <= end:
            time.sleep(100)
        elif self.pauses:
            pause()

    def connect(self) -> Any:
        self.existing += 1
        self.most = max(self.most, self.existing)
        self.work()
        if self.fails:
            self.fails -= 1
            self.existing -= 1
            raise self.error("the database is down")
        conn = Conn()
        conn.name = f"{self.name} {len(self.made) + 1}"
        self.made.append(conn)
        return conn

    def is_healthy(self, conn: Any) -> bool:
        self.asked += 1
        self.work()
        if self.bad.get("is_healthy"):
            raise OSError("no answer")
        return bool(conn.healthy)

    def close_conn(self, conn: Any) -> None:
        self.closings.append(conn.name)
        self.work()
        self.existing -= conn.is_open
        conn.is_open = False
        if self.bad.get("close_conn"):
            raise OSError("the line is dead")


@scenario
def told(call: Any, *args: Any, **kwargs: Any) -> Any:
    """What the call returned, or the name of the error if it is one that a pool or a block may raise."""
    try:
        return call(*args, **kwargs)
    except BaseException as error:
        names = [cls.__name__ for cls in type(error).__mro__]
        known = ("PoolTimeout", "PoolClosed", "BrokenConnection", "OSError", "KeyboardInterrupt", "ExceptionGroup")
        for name in known:
            if name in names:
                return name
        raise


@scenario
def use(pool: Any, timeout: float | None = None, seconds: float = 0, raises: Any = None) -> str:
    """Lease a connection and hold it; its name, and what was wrong with it."""
    with pool.lease(timeout=timeout) as conn:
        conn.users += 1
        wrong = ("" if conn.is_open else " is closed") + (" is shared" if conn.users > 1 else "")
        if seconds:
            time.sleep(seconds)
        else:
            pause()
        wrong = wrong or ("" if conn.is_open else " is closed")
        conn.users -= 1
        if raises is not None:
            raise raises("no answer")
        return f"{conn.name}{wrong}"


@scenario
def places(pool: Any, most: int) -> int:
    """How many leases are possible at once."""
    with ExitStack() as stack:
        for count in range(most):
            try:
                stack.enter_context(pool.lease(timeout=0))
            except Exception as error:
                if type(error).__name__ != "PoolTimeout":
                    raise
                return count
    return most


@scenario
def numbers(pool: Any) -> list[int]:
    stats = pool.stats()
    return [stats.open, stats.in_use, stats.waiting]


def expect_places(found: int, size: int, after: str) -> None:
    """`found`: leases that were possible at once, with a few more tried than there should be."""
    __tracebackhide__ = True
    expect(found > 0, f"After {after} the pool is empty for ever: no lease is possible any more.", idea=EXITS)
    expect(
        found >= size, f"After {after} only {found} of {size} leases are possible at once: a place was lost.", idea=EXITS
    )
    expect(found <= size, f"After {after}: {found} leases at once from a pool of {size}.", idea=EXITS)


# -- many at once ----------------------------------------------------------------------------------------


@scenario
def crowd(student: Any, connect: Any, is_healthy: Any, close_conn: Any, query: Any, size: int, jobs: list[Any]) -> list[Any]:
    """Each job is a lease in a thread of its own, in which `query(conn, job)` is called; what it returned."""
    pool = student.ConnectionPool(connect, size=size, is_healthy=is_healthy, close_conn=close_conn)
    got: list[Any] = [None] * len(jobs)

    def work(number: int) -> None:
        def lease() -> Any:
            with pool.lease() as conn:
                answer = query(conn, jobs[number])
                if answer == "raise BrokenConnection":
                    raise broken()
                if answer == "raise OSError":
                    raise OSError
                return answer

        got[number] = told(lease)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = numbers(pool)
    pool.close()
    return [got, left]


@kind("bounds")
def test_as_many_leases_as_connections_at_once(submission: Submission, rendezvous: Rendezvouses) -> None:
    """A pool of eight connections has eight threads in their blocks at the same time"""
    inside = rendezvous(8)

    def query(conn: object, job: object) -> None:
        inside.enter()

    submission.run(crowd, lambda: "a connection", lambda conn: True, lambda conn: None, query, 8, list(range(8)))
    expect(
        inside.met,
        f"Eight threads wanted a lease from a pool of 8: at most {inside.most} of them were in the block at once.",
        idea="A pool of eight lends eight. What does a lease wait for although a place is free?",
    )


# -- one thread ------------------------------------------------------------------------------------------


@scenario
def lend_one_by_one(student: Any) -> list[Any]:
    database = Database()
    pool, other = database.pool(student, 3), Database("other").pool(student, 1)
    lazily = len(database.made)
    names = [use(pool), use(pool), use(pool)]
    with pool.lease() as first, pool.lease() as second:
        two = [first.name, second.name]
        objects = [first is database.made[0], second is database.made[-1]]
        first.is_true = second.is_true = False
    again = [use(pool), use(pool)]
    return [lazily, names, two, objects, again, len(database.made), use(other), places(pool, 6)]


@kind("correctness")
def test_connections_are_made_on_demand_and_used_again(explore: Explore) -> None:
    """A connection is made when it is needed and none is idle, and used again after its lease"""
    for lazily, names, two, objects, again, made, elsewhere, possible in explore(lend_one_by_one, schedules=3):
        expect(lazily == 0, f"A new pool has called connect {lazily} times.", idea="When is a connection needed?")
        expect(
            names == ["connection 1"] * 3,
            f"Three leases, one after the other, got {', '.join(names)}.",
            idea="What becomes of a connection when its lease has ended, and where does the next lease look?",
        )
        expect(
            len(set(two)) == 2 and objects == [True, True],
            f"Two leases at once, in one thread, got {' and '.join(two)}; each needs a connection of its own, as connect "
            "returned it.",
            idea="A connection that is lent is in nobody else's reach.",
        )
        expect(
            made == 2,
            f"Two connections are idle, and two more leases got {' and '.join(again)}; connect was called {made} times in all.",
            idea="These two are equal, false and unhashable. How does your code tell whether it has one, and which?",
        )
        expect(elsewhere == "other 1", f"Another pool lent {elsewhere}.", idea="What do two pools share, and why?")
        expect_places(possible, 3, "a few leases")


@scenario
def return_in_turn(student: Any) -> list[Any]:
    database = Database()
    pool = database.pool(student, 3)
    with ExitStack() as a, ExitStack() as b, ExitStack() as c:
        names = [stack.enter_context(pool.lease()).name for stack in (a, b, c)]
        for stack in (b, c, a):
            stack.close()
    with pool.lease() as first, pool.lease() as second, pool.lease() as third:
        back = [first.name, second.name, third.name]
    with ExitStack() as a, ExitStack() as b:
        _, a_bad_one = a.enter_context(pool.lease()), b.enter_context(pool.lease())
        a.close()
        a_bad_one.healthy = False
    made = len(database.made)
    use(pool)
    return [names, back, len(database.made) - made]


@kind("correctness")
def test_the_one_returned_last_is_lent_first(explore: Explore) -> None:
    """Of the idle connections, the one that was returned last is lent first; a new one is made only when none is idle"""
    for names, back, made in explore(return_in_turn, schedules=3):
        due = [names[0], names[2], names[1]]
        expect(
            back == due,
            f"{names[1]}, {names[2]} and {names[0]} came back in this order; then {', '.join(back)} were lent.",
            idea="Last in, first out: the one that was used a moment ago is the one most likely to be alive.",
        )
        expect(
            not made,
            "One connection was idle, another was closed as unhealthy, and the next lease made a new one.",
            idea="A new connection costs 50 ms. What does a lease look at before it makes one?",
        )


# -- what fails ------------------------------------------------------------------------------------------


@scenario
def broken() -> type[Exception]:
    import pool_types

    return pool_types.BrokenConnection


@scenario
def after_faults(student: Any, fault: str, times: int) -> list[Any]:
    """A pool of 2, one connection idle, then `times` leases with this fault; what each came to, and what is left."""
    database = Database()
    pool = database.pool(student, 2)
    raises: Any = {"KeyboardInterrupt in the block": KeyboardInterrupt, "an error in the block": OSError}.get(fault)
    if fault.startswith("BrokenConnection"):
        raises = broken()
        if fault.endswith("of its own"):
            raises = type("ServerGone", (raises,), {})
    if "connect" in fault and fault.endswith("of connect"):
        database.fails = times
        database.error = KeyboardInterrupt if fault.startswith("KeyboardInterrupt") else OSError
    else:
        use(pool)
    database.bad = {name: fault.endswith(f"of {name}") for name in ("is_healthy", "close_conn")}
    seen = []

    def lease() -> str:
        with pool.lease(timeout=0) as conn:
            conn.healthy = fault not in ("an unhealthy connection", "an error of close_conn")
            if raises is not None:
                raise raises("no answer")
            return "no error"

    for _ in range(times):
        seen.append(told(lease))
    database.bad = {}
    left, asked, last = numbers(pool), database.asked, told(use, pool, 0)
    return [seen, left, places(pool, 5), len(database.closings), last, asked]


@kind("failure")
def test_a_connect_that_fails_gives_its_place_back(explore: Explore) -> None:
    """connect fails three times in a pool of two: the error comes out, and then all places are there"""
    for fault, due in (("an error of connect", "OSError"), ("KeyboardInterrupt of connect", "KeyboardInterrupt")):
        for seen, left, possible, _, _, _ in explore(after_faults, fault, 3, schedules=3):
            after = f"3 failed connects ({due})"
            bad = next((answer for answer in seen if answer != due), None)
            if bad == "PoolTimeout":
                expect_places(possible, 2, after)
            expect(bad is None, f"connect raised {due}; the lease came to {bad}.", idea="What connect raises comes out of lease.")
            expect_places(possible, 2, after)
            expect(left == [0, 0, 0], f"After {after} stats() gave open, in_use, waiting: {left}.", idea=COUNTING)


@kind("failure")
def test_an_unhealthy_connection_is_replaced(explore: Explore) -> None:
    """A connection that is unhealthy after its lease is closed, never lent again, and its place is free"""
    for seen, left, possible, closings, last, _ in explore(after_faults, "an unhealthy connection", 3, schedules=3):
        expect("PoolTimeout" not in seen, "An unhealthy connection took its place along: after 2 of them, PoolTimeout.", idea=EXITS)
        expect(
            closings >= 3 and last == "connection 4",
            f"Three leases ended with an unhealthy connection: {closings} were closed, and the next lease got {last}, which "
            "may be one of them.",
            idea="Who asks is_healthy, when, and what becomes of a connection for which the answer is no?",
        )
        expect(closings == 3, f"Three connections were unhealthy; close_conn was called {closings} times.", idea=COUNTING)
        expect_places(possible, 2, "3 unhealthy connections")
        expect(left == [0, 0, 0], f"After 3 unhealthy ones stats() gave open, in_use, waiting: {left}.", idea=COUNTING)


@kind("failure")
def test_a_broken_connection_is_closed(explore: Explore) -> None:
    """The block raises BrokenConnection, or an exception derived from it: closed, not lent again, its place free"""
    for fault in ("BrokenConnection", "BrokenConnection, one of its own"):
        for seen, left, possible, closings, last, _ in explore(after_faults, fault, 3, schedules=3):
            expect("PoolTimeout" not in seen, "A broken connection took its place along: after 2 of them, PoolTimeout.", idea=EXITS)
            expect(
                seen == ["BrokenConnection"] * 3,
                f"The block raised BrokenConnection; out of the `with` came {seen[0]}.",
                idea="The pool acts on what the block raises, and lets it go on.",
            )
            expect(
                closings >= 3 and last == "connection 4",
                f"Three blocks raised {fault}: {closings} connections were closed, and the next lease got {last}.",
                idea="The block says that this connection is of no use any more, whatever is_healthy thinks.",
            )
            expect(closings == 3, f"Three connections broke; close_conn was called {closings} times.", idea=COUNTING)
            expect_places(possible, 2, "3 broken connections")
            expect(left == [0, 0, 0], f"After 3 broken ones stats() gave open, in_use, waiting: {left}.", idea=COUNTING)


@kind("failure")
def test_a_block_that_raises_gives_the_connection_back(explore: Explore) -> None:
    """An error in the block, also KeyboardInterrupt: it comes out, and the connection is asked for its health and kept"""
    for fault, due in (("an error in the block", "OSError"), ("KeyboardInterrupt in the block", "KeyboardInterrupt")):
        for seen, left, possible, closings, last, asked in explore(after_faults, fault, 3, schedules=3):
            after = f"3 blocks that raised {due}"
            if "PoolTimeout" in seen or possible != 2:
                expect_places(min(possible, 1) if "PoolTimeout" in seen else possible, 2, after)
            expect(
                seen == [due] * 3,
                f"The block raised {due}; out of the `with` came {seen[0]}.",
                idea="The pool gives the connection back, and lets the exception go on.",
            )
            expect(
                closings == 0 and last == "connection 1" and left == [1, 0, 0],
                f"After {after}, {closings} connections were closed, the next lease got {last}, and stats() gave open, "
                f"in_use, waiting: {left}. The connection is healthy.",
                idea="An error of the program says nothing about the connection, except BrokenConnection. `finally` sees them all.",
            )
            expect(
                asked >= 4,
                f"A good lease and {after}: is_healthy was asked {asked} time(s).",
                idea="However the block ended: only is_healthy knows whether the connection can be kept.",
            )


@kind("failure")
def test_errors_of_the_helpers_lose_no_place(explore: Explore) -> None:
    """is_healthy or close_conn raises: that comes out, the connection is gone, and its place is free"""
    for fault in ("an error of is_healthy", "an error of close_conn"):
        name = fault.rpartition(" ")[2]
        for seen, left, possible, closings, last, _ in explore(after_faults, fault, 3, schedules=3):
            after = f"3 times {fault}"
            if "PoolTimeout" in seen or possible != 2:
                expect_places(min(possible, 1) if "PoolTimeout" in seen else possible, 2, after)
            expect(
                seen == ["OSError"] * 3,
                f"{name} raised OSError; out of the `with` came {seen[0]}.",
                idea="An error that the pool swallows is one that nobody will ever look for.",
            )
            expect(
                closings == 3 and last == "connection 4",
                f"After {after}, close_conn had been called {closings} times, and the next lease got {last}.",
                idea="A connection whose health is unknown is closed; one whose closing failed is not lent again.",
            )
            expect(left == [0, 0, 0], f"After {after} stats() gave open, in_use, waiting: {left}.", idea=COUNTING)


@scenario
def wait_in_vain(student: Any) -> list[Any]:
    database = Database()
    pool = database.pool(student, 2)
    took = []
    with pool.lease(), pool.lease():
        for timeout in (1.5, 0, -1, 0.5):
            began = time.monotonic()
            answer = told(use, pool, timeout=timeout)
            took.append([timeout, answer, round(time.monotonic() - began, 2)])
    slow = []
    for raises in (broken(), broken(), None, None):  # closing is slow, and again; then connect, and then is_healthy
        database.slow = (time.monotonic(), time.monotonic() + 1)
        slow.append(told(use, pool, timeout=5, raises=raises))
    database.slow = (-1, -1)
    slow.append(told(use, pool, timeout=5, seconds=10))
    return [took, places(pool, 5), slow]


@kind("failure")
def test_a_timeout_ends_the_wait_and_loses_nothing(explore: Explore) -> None:
    """PoolTimeout comes when the time is up, at once for 0; the block and connect may take longer; no place is lost"""
    for took, possible, slow in explore(wait_in_vain, schedules=3, points=50_000):
        for timeout, answer, seconds in took:
            expect(
                answer == "PoolTimeout" and max(timeout, 0) - 0.1 < seconds < max(timeout, 0) + 0.1,
                f"A pool of 2 with two leases: lease(timeout={timeout}) came to {answer} after {seconds:g} s; PoolTimeout after "
                f"{max(timeout, 0):g} s was due.",
                idea="0 is a timeout, None is none. What do you wait for, and who tells you that the time is up?",
            )
        expect(
            not {"PoolTimeout"} & set(slow),
            "lease(timeout=5), a place was free at once: PoolTimeout, because is_healthy, close_conn or the block took long.",
            idea="The timeout is about the wait for a place. Whoever has one, has it.",
        )
        expect_places(possible, 2, "four timeouts")


@scenario
def close_with_leases(student: Any) -> list[Any]:
    database = Database()
    pool = database.pool(student, 4)
    with ExitStack() as idle:
        for _ in range(3):
            idle.enter_context(pool.lease())
        with pool.lease() as lent:
            idle.close()
            pool.close()
            at_once = sorted(database.closings)
            refused = [told(use, pool, timeout=timeout) for timeout in (None, 0, 5)]
            pool.close()
            is_open = lent.is_open
    stays_open = lent.is_open
    pool.close()
    refused.append(told(use, pool))
    full = Database().pool(student, 1)
    with full.lease():
        full.close()
        refused += [told(use, full, timeout=0), told(use, full, timeout=5)]
    names = sorted(conn.name for conn in database.made)
    return [at_once, is_open, refused, sorted(database.closings), names, lent.name, stays_open]


@kind("failure")
def test_close_leaves_leases_alone(explore: Explore) -> None:
    """close() closes what is idle; a connection that is lent is closed when it comes back; closing again does nothing"""
    for at_once, is_open, refused, closings, names, lent, stays_open in explore(close_with_leases, schedules=3):
        expect(is_open, "close() closed a connection while it was lent.", idea="Somebody is using it. When does that end?")
        expect(
            at_once == [name for name in names if name != lent],
            f"Three connections were idle, one was lent; close() closed {len(at_once)}.",
            idea="close() closes what nobody has, and waits for nobody.",
        )
        expect(
            set(refused) == {"PoolClosed"},
            f"A pool was closed; leases afterwards, with places free and with none, came to {', '.join(refused)}.",
            idea="A closed pool is closed for everybody, whatever the timeout, and whether there is a place or not.",
        )
        twice = next((name for name in closings if closings.count(name) > 1), None)
        expect(twice is None, f"Closed three times: close_conn was called twice for {twice}.", idea=CLOSING)
        expect(
            closings == names and not stays_open,
            f"{lent} came back after close(), and was not closed.",
            idea="Who gives a connection back to a closed pool?",
        )


@scenario
def close_under_waiters(student: Any, size: int) -> list[Any]:
    database = Database()
    pool = database.pool(student, size)
    began = time.monotonic()

    def wait(timeout: float | None) -> list[Any]:
        time.sleep(1)
        answer = told(use, pool, timeout=timeout)
        return [answer, round(time.monotonic() - began, 1)]

    def close() -> float:
        time.sleep(2)
        pool.close()
        return round(time.monotonic() - began, 1)

    calls = [lambda timeout=timeout: wait(timeout) for timeout in (None, 50, None)]
    holders = [lambda: use(pool, seconds=100)] * size
    names = (*("holder",) * size, "waiter 1", "waiter 2", "waiter 3", "closer")
    *_, one, two, three, closed = together(*holders, *calls, close, names=names)
    return [[one, two, three], closed, database.existing]


@kind("failure")
def test_close_wakes_who_waits(explore: Explore) -> None:
    """Three threads wait in lease when the pool is closed: all get PoolClosed at once; close() waits for nobody"""
    for size in (1, 2):
        for answers, closed, existing in explore(close_under_waiters, size, schedules=25):
            expect(
                closed == 2,
                f"The leases took 100 s, and close() waited for {closed - 2:g} s.",
                idea="A connection that is lent is closed when it comes back, by the thread that brings it.",
            )
            for answer, moment in answers:
                expect(
                    answer == "PoolClosed" and moment == 2,
                    f"Three threads waited in lease, and the pool was closed at 2 s: one came to {answer} at {moment:g} s.",
                    idea="close() is a change as well. What do the waiters wait with, and who wakes the second and the third?",
                )
            expect(existing == 0, f"Closed, and all came back: {existing} connections still exist.", idea=CLOSING)


@scenario
def close_with_errors(student: Any) -> list[Any]:
    database = Database()
    pool = database.pool(student, 3)
    with pool.lease(), pool.lease(), pool.lease():
        pass
    database.bad = {"close_conn": True}
    return [told(pool.close), len(set(database.closings)), numbers(pool), told(pool.close)]


@kind("failure")
def test_close_closes_all_even_if_one_fails(explore: Explore) -> None:
    """close_conn raises during close(): the other connections are closed all the same, and the error comes out"""
    for answer, closed, left, again in explore(close_with_errors, schedules=3):
        expect(
            closed == 3 and left == [0, 0, 0],
            f"Three connections were idle, and close_conn raised for each: close() closed {closed} of them, and stats() gave open, "
            f"in_use, waiting: {left}.",
            idea="An exception on the way out of a loop leaves the rest undone. Who closes the rest?",
        )
        expect(
            answer in ("OSError", "ExceptionGroup") and again is None,
            f"close_conn raised OSError; close() came to {answer}, closing again to {again}.",
            idea="An error that the pool swallows is one that nobody will ever look for.",
        )


@scenario
def watch_the_numbers(student: Any) -> list[Any]:
    database = Database()
    pool = database.pool(student, 2)
    seen = {"new": numbers(pool)}
    with pool.lease():
        seen["one lease"] = numbers(pool)
    seen["one lease has ended"] = numbers(pool)

    def later() -> None:
        for moment in ("two leases, two wait", "one of them has timed out"):
            time.sleep(3)
            seen[moment] = numbers(pool)

    def wait(timeout: float | None) -> None:
        time.sleep(1)
        told(use, pool, timeout=timeout)

    together(*[lambda: use(pool, seconds=10)] * 2, lambda: wait(4), lambda: wait(None), later)
    seen["all have come back"] = numbers(pool)
    database.fails = 1
    with pool.lease(), pool.lease() as conn:
        conn.healthy = False
    told(use, pool, raises=broken())
    told(use, pool)
    database.fails = 0
    seen["one unhealthy, one broken, one failed to connect"] = numbers(pool)
    with pool.lease(), pool.lease():
        told(use, pool, timeout=0)
        pool.close()
        seen["closed, two leases"] = numbers(pool)
        told(use, pool)
    seen["closed, all came back"] = numbers(pool)
    return [[moment, found] for moment, found in seen.items()]


@kind("correctness")
def test_the_numbers_are_right(explore: Explore) -> None:
    """stats() tells the connections that exist, the leases that are held, and the threads that wait"""
    due = {
        "new": [0, 0, 0],
        "one lease": [1, 1, 0],
        "one lease has ended": [1, 0, 0],
        "two leases, two wait": [2, 2, 2],
        "one of them has timed out": [2, 2, 1],
        "all have come back": [2, 0, 0],
        "one unhealthy, one broken, one failed to connect": [0, 0, 0],
        "closed, two leases": [2, 2, 0],
        "closed, all came back": [0, 0, 0],
    }
    for seen in explore(watch_the_numbers, schedules=5):
        for moment, found in seen:
            expect(
                found == due[moment],
                f"A pool of 2 ({moment}): open, in_use, waiting are {', '.join(map(str, found))}; "
                f"{', '.join(map(str, due[moment]))} was due.",
                idea=COUNTING,
            )


# -- who waits for whom ----------------------------------------------------------------------------------


@kind("bounds")
def test_never_more_connections_than_the_size(submission: Submission, rng: random.Random) -> None:
    """Sixteen threads and four connections, of which many break: never more than four exist, and each has one user"""
    counting, existing, most, users, shared = threading.Lock(), 0, 0, dict[object, int](), list[object]()
    numbers_of = iter(range(1, 10_000))
    fates = [rng.choice(("fine", "fine", "raise OSError", "raise BrokenConnection", "unhealthy")) for _ in range(48)]
    broken_ones = set[object]()
    failures = [rng.random() < 0.2 for _ in range(200)]

    def connect() -> int:
        nonlocal existing, most
        with counting:
            existing += 1
            most = max(most, existing)
            number = next(numbers_of)
        if failures[number % 200]:
            with counting:
                existing -= 1
            raise OSError("the database is down")
        return number

    def close_conn(conn: object) -> None:
        nonlocal existing
        with counting:
            existing -= 1

    def query(conn: object, job: object) -> object:
        with counting:
            users[conn] = users.get(conn, 0) + 1
            if users[conn] > 1 or conn in broken_ones:
                shared.append(conn)
        with counting:
            users[conn] -= 1
            if job == "unhealthy":
                broken_ones.add(conn)
        return job

    for begin in range(0, 48, 16):
        got, left = submission.run(
            crowd, connect, lambda conn: conn not in broken_ones, close_conn, query, 4, fates[begin : begin + 16]
        )
        expect(most <= 4, f"Sixteen threads and a pool of 4: {most} connections existed at once.", idea=ORDER)
        expect(not shared, "A connection was lent to two threads at once, or after it was unhealthy.", idea=ONE_STEP)
        known = {"fine", "unhealthy", "OSError", "BrokenConnection"}
        expect(set(map(str, got)) <= known, f"Sixteen leases came to {', '.join(map(str, got))}.", idea=EXITS)
        expect(left[1:] == [0, 0], f"All leases have ended; stats() gave open, in_use, waiting: {left}.", idea=COUNTING)
        expect(existing == 0, f"The pool was closed, nobody had a lease: {existing} connections still exist.", idea=CLOSING)


@scenario
def beside_slow_work(student: Any, what: str) -> list[Any]:
    """Seconds that calls took while another thread was in slow work."""
    database = Database()
    pool = database.pool(student, 4)
    use(pool)  # one connection is idle
    database.slow = (time.monotonic() + 0.9, time.monotonic() + 1.1)

    def slow() -> Any:
        if what == "connect":
            time.sleep(1)
            return told(use, pool)
        if what == "close":
            time.sleep(1)
            return told(pool.close)
        with pool.lease():
            time.sleep(1)
            if what == "close_conn":
                raise broken()
        return None

    def quick() -> list[Any]:
        took = []

        def timed(name: str, call: Any) -> None:
            began = time.monotonic()
            told(call)
            took.append([name, round(time.monotonic() - began, 2)])

        with ExitStack() as one, ExitStack() as two:
            time.sleep(0.5)
            if what != "close":
                two.enter_context(pool.lease())
                one.enter_context(pool.lease())
            time.sleep(1.5)  # now the other thread is in slow work
            timed("stats()", pool.stats)
            if what != "close":
                timed("the end of another lease", one.close)
            timed("a lease of another connection", lambda: use(pool))
            timed("the end of another lease", two.close)
            timed("close()", pool.close) if what != "close" else None
        return took

    return together(lambda: told(slow), quick, names=("slow one", "quick one"))[1]


@kind("bounds")
def test_slow_work_keeps_nobody_else_waiting(explore: Explore) -> None:
    """While a thread is in connect, is_healthy, close_conn or close(), others lease, give back, ask stats() and close"""
    for what in ("connect", "is_healthy", "close_conn", "close"):
        for took in explore(beside_slow_work, what, schedules=10):
            for call, seconds in took:
                where = "close_conn, in close()," if what == "close" else what
                expect(
                    seconds < 1,
                    f"In one thread {where} took 100 s; {call} in another one had to wait for {seconds:g} s of it.",
                    idea=ELSEWHERE,
                )


@scenario
def wait_for_hours(student: Any, timeout: float | None) -> list[Any]:
    """Seconds for which two leases waited while nothing happened, and the steps that were taken meanwhile."""
    pool = Database().pool(student, 1)
    with pool.lease():
        # Daemons: the schedule is over when the scenario is, whether these calls have ended or not.
        for name in ("waiter 1", "waiter 2"):
            threading.Thread(target=lambda: told(use, pool, timeout=timeout), name=name, daemon=True).start()
        return [*quiet()]


@kind("bounds")
def test_who_waits_takes_no_steps(explore: Explore) -> None:
    """A lease that waits does nothing at all until something changes, for hours"""
    for timeout in (None, 1e6):
        for seconds, taken in explore(wait_for_hours, timeout, schedules=2):
            expect(
                taken <= 3,
                f"Two leases waited, and nothing happened: in {seconds:g} s they took {taken} steps.",
                idea="Whoever waits should sleep until it is woken: by a semaphore, a condition, an event. Who knows "
                "that a place is free?",
            )


# -- several threads -------------------------------------------------------------------------------------


@scenario
def some_leases(student: Any, size: int, kinds: tuple[str, ...]) -> list[Any]:
    """One lease of each kind in a thread of its own, all at once; what they got, and what is left."""
    database = Database(pauses=True, fails=kinds.count("fails"))
    pool = database.pool(student, size)

    error = broken()
    calls = [
        lambda raises=error if what == "breaks" else None: told(use, pool, raises=raises) for what in kinds
    ]
    got = together(*calls, names=tuple(f"the one that {what}" for what in kinds))
    left = numbers(pool)
    possible = places(pool, size + 2)
    return [got, database.most, left, possible, database.existing == numbers(pool)[0]]


def expect_sound(size: int, kinds: tuple[str, ...], found: list[Any]) -> None:
    __tracebackhide__ = True
    got, most, left, possible, all_known = found
    story = f"{len(kinds)} threads and a pool of {size}"
    breaks = "breaks" in kinds
    shared = next((name for name in map(str, got) if name.endswith(("is shared", "is closed"))), None)
    expect(
        shared is None or not str(shared).endswith("shared"),
        f"{story}: a connection was lent to two threads at once.",
        idea="To take a connection from the idle ones must be one step for other threads.",
    )
    expect(shared is None, f"{story}: a lease got a connection that had been closed.", idea=CLOSING)
    expect(
        most <= size,
        f"{story}: {most} connections existed at once."
        + (" The new one was made before the broken one was closed." if breaks else ""),
        idea=ORDER if breaks else ONE_STEP,
    )
    expect(
        got.count("OSError") == kinds.count("fails") and "PoolTimeout" not in got and "PoolClosed" not in got,
        f"{story}, connect fails {kinds.count('fails')} time(s): the leases came to {', '.join(map(str, got))}.",
        idea=WHO_WAKES,
    )
    expect_places(possible, size, f"{len(kinds)} calls in as many threads")
    expect(
        left[1:] == [0, 0] and all_known,
        f"{story}: afterwards stats() gave open, in_use, waiting: {left}.",
        idea=COUNTING,
    )


@kind("schedules")
def test_two_threads_and_one_connection(explore: Explore) -> None:
    """Two threads and a pool of one, three and a pool of two: nobody gets a connection that another one has"""
    cases: tuple[tuple[int, tuple[str, ...], int | None], ...] = (
        (1, ("uses", "uses"), 1), (1, ("uses", "uses"), None), (2, ("uses", "uses", "uses"), None),
    )  # fmt: skip
    for size, kinds, bound in cases:
        for found in explore(some_leases, size, kinds, bound=bound, schedules=80, seconds=1.2):
            expect_sound(size, kinds, found)


@kind("schedules")
def test_a_broken_connection_is_closed_before_its_place_is_free(explore: Explore) -> None:
    """A connection breaks while others wait for its place: it is closed before they make a new one"""
    for size, kinds in ((1, ("breaks", "uses")), (2, ("breaks", "breaks", "uses"))):
        for found in explore(some_leases, size, kinds, schedules=80, seconds=1.2):
            expect_sound(size, kinds, found)


@kind("schedules")
def test_a_waiter_gets_the_place_of_a_failed_connect(explore: Explore) -> None:
    """connect fails in one thread while another one waits: that one gets the place"""
    for size, kinds in ((1, ("fails", "uses")), (1, ("fails", "fails", "uses"))):
        for found in explore(some_leases, size, kinds, schedules=60, seconds=1.2):
            expect_sound(size, kinds, found)


@scenario
def close_in_the_middle(student: Any, size: int, idle: int) -> list[Any]:
    database = Database()
    pool = database.pool(student, size)
    with ExitStack() as stack:
        for _ in range(idle):
            stack.enter_context(pool.lease())
    database.pauses = True
    one, two, _ = together(
        lambda: told(use, pool), lambda: told(use, pool), pool.close, names=("lease 1", "lease 2", "closer")
    )
    later = told(use, pool, timeout=0)
    names = [conn.name for conn in database.made]
    often = [name for name in names if database.closings.count(name) > 1]
    kept = [name for name in names if name not in database.closings]
    return [[one, two, later], often, kept, numbers(pool), database.most]


@kind("schedules")
def test_close_falls_into_a_lease(explore: Explore) -> None:
    """The pool is closed while two threads lease: each connection is closed once, and nobody is left waiting"""
    for size, idle in ((1, 0), (1, 1), (2, 1)):
        for answers, often, kept, left, most in explore(close_in_the_middle, size, idle, schedules=80, seconds=1.2):
            story = f"A pool of {size} was closed while two threads leased"
            expect(
                not any(str(name).endswith("is closed") for name in answers),
                f"{story}: close() closed a connection that a lease had.",
                idea=CLOSING,
            )
            expect(not often, f"{story}: close_conn was called twice for {', '.join(often)}.", idea=CLOSING)
            expect(not kept, f"{story}, and both have ended: {', '.join(kept)} is never closed.", idea=CLOSING)
            expect(
                most <= size,
                f"{story}: {most} connections existed at once. A new one was made while close() was closing the idle one.",
                idea=CLOSING,
            )
            expect(
                answers[2] == "PoolClosed" and "PoolTimeout" not in answers,
                f"{story}: they came to {answers[0]} and {answers[1]}, a lease afterwards to {answers[2]}.",
                idea="Who waits when the pool is closed, and who comes later, gets PoolClosed.",
            )
            expect(left == [0, 0, 0], f"{story}: afterwards stats() gave open, in_use, waiting: {left}.", idea=COUNTING)


@scenario
def give_up_at_the_last_moment(student: Any, how: str, patient: bool) -> list[Any]:
    """A place comes free just when the time of two waiters is up; a third one may wait as long as it takes."""
    database = Database()
    pool = database.pool(student, 1)

    def hold() -> Any:
        return told(use, pool, seconds=1, raises=broken() if how == "breaks" else None)

    def impatient() -> Any:
        return told(use, pool, timeout=1)

    calls = [hold, impatient, impatient, *[lambda: told(use, pool)] * patient]
    *_, last = together(*calls, names=("holder", "impatient one", "second impatient one", "patient one"))
    return [last if patient else "connection 1", places(pool, 3), numbers(pool)]


@kind("schedules")
def test_who_gives_up_takes_no_place_along(explore: Explore) -> None:
    """A waiter's time is up at the very moment when a place comes free: the place is not lost, that one or the next one gets it"""
    # A wake-up that is lost leaves the patient one waiting for ever.
    for how, patient in (("ends", False), ("ends", True), ("breaks", True)):
        for last, possible, left in explore(
            give_up_at_the_last_moment, how, patient, schedules=80, seconds=1.5, adversarial_timeouts=True
        ):
            expect(
                possible >= 1,
                "A place came free at the very moment when a waiter's time was up: it got PoolTimeout, and the place was lost.",
                idea=LAST_MOMENT,
            )
            expect_places(possible, 1, "a timeout at the moment when a place came free")
            expect(
                last.startswith("connection") and not last.endswith("shared"),
                f"A lease without a timeout came to {last}.",
                idea=LAST_MOMENT,
            )
            expect(left[1:] == [0, 0], f"Afterwards stats() gave open, in_use, waiting: {left}.", idea=COUNTING)


# -- what the code says of itself ------------------------------------------------------------------------


@scenario
def declared(student: Any) -> list[str]:
    """What is wrong with the form of GUARDED_BY."""
    if not hasattr(student, "GUARDED_BY"):
        return ["connection_pool.py has no GUARDED_BY."]
    found = student.GUARDED_BY
    if not isinstance(found, Mapping):
        return [f"GUARDED_BY is a {type(found).__name__}; a dict was expected."]
    for lock, names in found.items():
        if isinstance(names, str):
            return [f'GUARDED_BY["{lock}"] is the text "{names}". A tuple of one name needs a comma: ("{names}",).']
        if not isinstance(names, tuple | list | set | frozenset):
            return [f'GUARDED_BY["{lock}"] is a {type(names).__name__}; a tuple of names was expected.']
        for name in (lock, *names):
            if not isinstance(name, str):
                return [f"GUARDED_BY holds {str(name)[:40]}; names of attributes were expected, as text."]
            if name.startswith("self.") or not all(part.isidentifier() for part in name.split(".")):
                return [f'GUARDED_BY names "{name[:40]}"; self._idle is "_idle", and self._state.idle is "_state.idle".']
    return []


@scenario
def under_watch(student: Any, story: str) -> list[Any]:
    """Threads use a pool while every access to its attributes is looked at: what broke the declaration."""
    database = Database(pauses=True, fails=story == "fails")
    pool = database.pool(student, 1 if story == "waits" else 2)
    guards = watch(pool, {lock: tuple(names) for lock, names in student.GUARDED_BY.items()})
    told(use, pool)

    def unhealthy() -> None:
        with pool.lease() as conn:
            conn.healthy = False

    calls = {
        "waits": [lambda: told(use, pool), lambda: told(use, pool, timeout=1), lambda: told(use, pool, timeout=0)],
        "fails": [lambda: told(use, pool, raises=broken()), lambda: told(unhealthy), lambda: told(use, pool)],
        "closes": [lambda: told(use, pool), pool.close, lambda: told(use, pool)],
    }[story]
    together(*calls, lambda: numbers(pool))
    pool.close()
    numbers(pool)
    undeclared = sorted(guards.undeclared, key=lambda access: access.attribute)
    return [[vars(access) for access in found] for found in (guards.unguarded[:1], undeclared)] + [guards.problems()]


@kind("rule")
def test_guarded_by_tells_the_truth(submission: Submission, explore: Explore) -> None:
    """Every attribute that several threads change is named in GUARDED_BY, and only touched while its lock is held"""
    for problem in submission.run(declared):
        expect(False, problem, idea="The README shows the form: the name of a lock, and the attributes that it guards.")
    missing: set[str] | None = None
    for story in ("waits", "fails", "closes"):
        for unguarded, undeclared, problems in explore(under_watch, story, schedules=30, seconds=1.2):
            for what, name in problems:
                expect(
                    what != "lock",
                    f'GUARDED_BY has the key "{name}"; self.{name} is no Lock, RLock or Condition of the pool.',
                    idea="Data is guarded by something that one thread at a time can hold.",
                )
            for access in unguarded:
                expect(
                    False,
                    f"GUARDED_BY says that self.{access['lock']} guards self.{access['attribute']}; line {access['line']}, in "
                    f"{access['function']}, touches it without: {access['source'][:80]}",
                    idea="To read is to touch as well: another thread may be in the middle of a change. " + WHOLE_MAP,
                )
            for access in undeclared[:1]:
                all_ = ", ".join(f"self.{other['attribute']}" for other in undeclared)
                expect(
                    False,
                    f"Several threads change {all_} (line {access['line']}, in {access['function']}: {access['source'][:60]}). "
                    f"GUARDED_BY must name the lock that guards `{access['attribute']}`"
                    + (", and the others." if len(undeclared) > 1 else "."),
                    idea=WHOLE_MAP,
                )
            names = {name for what, name in problems if what == "attribute"}
            missing = names if missing is None else missing & names
    gone = sorted(missing or ())
    expect(
        not gone,
        f'GUARDED_BY names "{gone[0] if gone else ""}"; the pool has no such attribute.',
        idea=WHOLE_MAP,
    )


# -- all together ----------------------------------------------------------------------------------------


@scenario
def use_and_close(student: Any) -> list[Any]:
    made = []

    def connect() -> str:
        made.append("connection")
        return f"connection {len(made)}"

    pool = student.ConnectionPool(connect, size=2)  # with the helpers that are there if none are given
    got: list[str] = []

    def work() -> None:
        with pool.lease(timeout=5) as conn:
            got.append(conn)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()
    return [len(got), len(made) <= 2]


@kind("hygiene")
def test_no_thread_is_left(submission: Submission) -> None:
    """No thread is left when the pool is closed and all connections have come back"""
    leases, few = submission.run(use_and_close)
    expect(leases == 6 and few, f"Six leases from a pool of 2: {leases} got a connection.", idea=EXITS)
    submission.finish().expect_none()


@kind("speedup")
def test_sixteen_queries_share_four_connections(submission: Submission, speedup: Speedup, rng: random.Random) -> None:
    """Sixteen queries of 40 ms with four connections are done at least 2.5 times as fast as one after the other"""

    def fresh() -> dict[str, int]:
        return {f"query {rng.randrange(1 << 40)}": rng.randrange(1 << 40) for _ in range(16)}

    def one_after_the_other(answers: dict[str, int]) -> list[int]:
        got = []
        for answer in answers.values():
            time.sleep(0.04)  # what the database takes
            got.append(answer)
        return got

    def attempt(answers: dict[str, int]) -> Any:
        made = iter(range(1000))
        users, busy = threading.Lock(), list[object]()

        def query(conn: object, job: str) -> int:
            with users:
                expect(conn not in busy, "A connection was lent to two threads at once.", idea=ONE_STEP)
                busy.append(conn)
            time.sleep(0.04)
            with users:
                busy.remove(conn)
            return answers[job]

        got, _ = submission.timed(
            crowd, lambda: next(made), lambda conn: True, lambda conn: None, query, 4, list(answers)
        )
        return got

    speedup.latency(fresh=fresh, baseline=one_after_the_other, attempt=attempt, at_least=2.5)
