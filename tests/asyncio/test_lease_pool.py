"""Checks of lease_pool. Time is virtual in all but the last two; the connections note every misuse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from grader.judge import Explore, Speedup, Submission, expect, kind, scenario

EXERCISE = "lease_pool"
WHAT_IS_HELD = "A cancellation arrives at this `await`. What does the task hold there, and who gives it back?"
TWICE = "Cleaning up that awaits can be cancelled as well. Which line frees the place, and can it be skipped?"
HAND_ON = "A place can be given to a task that is cancelled before it runs again. Who gets the place then?"
OWNER = "Every task that the pool starts has an owner who waits for it, at the latest in aclose()."


# -- inside the submission -----------------------------------------------------------------------------------------------


@scenario
class Connection:
    """Everything takes time, and every misuse is noted."""

    def __init__(self, database: Any, number: int) -> None:
        self.database, self.number = database, number
        self.busy = False
        self.client = ""  # who has the lease
        self.closes = self.resets = 0
        self.doing = ""

    @contextlib.contextmanager
    def only(self, what: str) -> Iterator[None]:
        note = self.database.note
        if self.client and what != "query":
            note(f"{what}() on connection {self.number} while {self.client} had it.")
        if self.doing:
            note(f"{what}() on connection {self.number} while {self.doing}() was running on it.")
        if self.closes and what != "close":
            note(f"{what}() on connection {self.number} after close().")
        self.doing = what
        try:
            yield
        finally:
            self.doing = ""

    async def query(self, sql: str, seconds: float = 0.1) -> str:
        with self.only("query"):
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.busy = True
                raise
        return sql

    async def reset(self) -> None:
        self.resets += 1
        with self.only("reset"):
            await self.database.next_of(self.database.resets)
            self.busy = False

    async def close(self) -> None:
        with self.only("close"):
            self.closes += 1
            await self.database.next_of(self.database.closings)


@scenario
class Database:
    """`connects`, `resets`, `closings`: for each call the seconds that it takes, or "fails"; 0.1 for all others."""

    def __init__(self, connects: Any = (), resets: Any = (), closings: Any = ()) -> None:
        self.connects, self.resets, self.closings = list(connects), list(resets), list(closings)
        self.connections: list[Any] = []
        self.connecting = 0
        self.most_open = 0
        self.held_now = self.most_held = 0
        self.began = asyncio.get_running_loop().time()
        self.entered: list[tuple[str, float, int]] = []  # client, seconds since the start, number of the connection
        self.broken: list[str] = []

    def note(self, line: str) -> None:
        self.broken.append(line)

    async def next_of(self, plan: list[Any]) -> None:
        step = plan.pop(0) if plan else 0.1
        await asyncio.sleep(0.1 if step == "fails" else step)
        if step == "fails":
            raise ConnectionError("the line is dead")

    async def connect(self) -> Any:
        self.connecting += 1
        self.most_open = max(self.most_open, self.connecting + len(self.left_open()))
        try:
            await self.next_of(self.connects)
        finally:
            self.connecting -= 1
        self.connections.append(Connection(self, len(self.connections) + 1))
        return self.connections[-1]

    def left_open(self) -> list[int]:
        return [conn.number for conn in self.connections if not conn.closes]

    @contextlib.contextmanager
    def held(self, conn: Any, client: str) -> Iterator[None]:
        if conn.client:
            self.note(f"{conn.client} and {client} had connection {conn.number} at the same time.")
        if conn.busy:
            self.note(f"{client} got connection {conn.number}, whose last query was cut off, without a reset.")
        if conn.closes:
            self.note(f"{client} got connection {conn.number} after close().")
        conn.client = client
        seconds = round(asyncio.get_running_loop().time() - self.began, 3)
        self.entered.append((client, seconds, conn.number))
        self.held_now += 1
        self.most_held = max(self.most_held, self.held_now)
        try:
            yield
        finally:
            self.held_now -= 1
            conn.client = ""


@scenario
async def visit(pool: Any, database: Any, name: str, seconds: float = 0.1, timeout: float | None = None) -> None:
    """One client: a lease and a query that takes `seconds`."""
    async with pool.lease(timeout=timeout) as conn:
        with database.held(conn, name):
            await conn.query(name, seconds)


@scenario
def client(pool: Any, database: Any, number: int, seconds: float = 0.1, timeout: float | None = None) -> Any:
    name = f"client {number}"
    return asyncio.create_task(visit(pool, database, name, seconds, timeout), name=name)


@scenario
async def endings(tasks: list[Any], seconds: float = 60.0) -> list[str]:
    """How each task ended: served, cancelled, went on (although cancelled), stuck, or its exception."""
    _, stuck = await asyncio.wait(tasks, timeout=seconds)
    for task in stuck:
        task.cancel()
    if stuck:
        await asyncio.wait(stuck)
    said = []
    for task in tasks:
        if task in stuck:
            said.append("stuck")
        elif task.cancelled():
            said.append("cancelled")
        elif task.exception() is None:
            said.append("went on" if task.cancelling() else "served")
        elif type(task.exception()).__name__ in ("TimeoutError", "ConnectionError", "PoolClosed", "LookupError"):
            said.append(type(task.exception()).__name__)
        else:
            raise task.exception()
    return said


@scenario
async def close(pool: Any, seconds: float = 60.0) -> str:
    """How aclose ended."""
    [ending] = await endings([asyncio.create_task(pool.aclose(), name="closer")], seconds)
    return ending


@scenario
async def afterwards(pool: Any, database: Any, size: int, clients: list[str]) -> dict[str, Any]:
    """What is true when all clients are gone: places lost, connections left open, misuse."""
    await asyncio.sleep(10)  # for cleaning up
    in_use, waiting = pool.stats().in_use, pool.stats().waiting
    database.most_held = 0
    await endings([asyncio.create_task(visit(pool, database, f"visitor {n}", 5.0)) for n in range(size)])
    usable = database.most_held
    closing = await close(pool)
    found = {"clients": clients, "in_use": in_use, "waiting": waiting, "usable": usable, "closing": closing}
    return {**found, "left_open": database.left_open(), "broken": database.broken, "most_open": database.most_open}


# -- helpers of the judge ------------------------------------------------------------------------------------------------


def outcome_of(explore: Explore, scenario_function: Any, *args: Any) -> Any:
    """What the scenario returned in asyncio's own order."""
    [outcome] = list(explore.tasks(scenario_function, *args, schedules=1))
    return outcome


def expect_unbroken(broken: list[str], idea: str) -> None:
    if broken and "without a reset" in broken[0]:
        idea = "The answer of the cut-off query is still in the line: the next client would read it. `conn.busy` tells you."
    expect(not broken, broken[0] if broken else "", idea=idea)


def expect_whole(after: dict[str, Any], size: int, idea: str) -> None:
    """Nothing is lost after all clients have gone."""
    expect_unbroken(after["broken"], idea)
    went_on = [f"client {n}" for n, how in enumerate(after["clients"], 1) if how == "went on"]
    expect(
        not went_on,
        f"{', '.join(went_on)} was cancelled and went on as if nothing had happened.",
        idea="A cancellation must come out of `lease` as CancelledError. Who catches it? On Python 3.11 `asyncio.wait_for` may; "
        "`asyncio.timeout` does not.",
    )
    stuck = [f"client {n}" for n, how in enumerate(after["clients"], 1) if how == "stuck"]
    lost = size - after["usable"]
    expect(
        not lost,
        f"{lost} of {size} places gone" + (f", and {', '.join(stuck)} waited for ever." if stuck else "."),
        idea=idea,
    )
    expect(not stuck, f"{', '.join(stuck)} waited for ever, although a place was free.", idea=idea)
    expect(
        after["in_use"] == 0 and after["waiting"] == 0,
        f"All clients were gone for ten seconds, and stats() said in_use={after['in_use']}, waiting={after['waiting']}.",
        idea=idea,
    )
    expect(
        after["most_open"] <= size,
        f"{after['most_open']} connections at once; the pool has size {size}.",
        idea="A place is free again when its connection is back or closed, not before. And it is free only once.",
    )
    expect(after["closing"] != "stuck", "After that, aclose() never ended.", idea=idea)
    expect(
        after["closing"] == "served",
        f"aclose() raised {after['closing']}.",
        idea="A connection that cannot even be closed is no reason to keep the others open, or to tell anybody.",
    )
    expect_closed(after["left_open"])


def expect_closed(left_open: list[int]) -> None:
    expect(
        not left_open,
        f"After aclose(), close() had not been called for connection {', '.join(map(str, left_open))}.",
        idea="Which connections exist that aclose() does not know of, or no longer knows of?",
    )


# -- what a pool does ----------------------------------------------------------------------------------------------------


@scenario
async def one_after_the_other(student: Any) -> list[Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=2)
    for n in range(1, 4):
        await endings([client(pool, database, n)])
    found = [len(database.connections), len(database.left_open()), database.broken]
    await close(pool)
    return found


@kind("correctness")
def test_a_connection_is_used_again(explore: Explore) -> None:
    """Three clients, one after the other, share one connection"""
    made, still_open, broken = outcome_of(explore, one_after_the_other)
    expect_unbroken(broken, "A connection has one user at a time.")
    expect(
        made == still_open == 1,
        f"Three clients came one after the other: {made} connections were made, {still_open} of them still open.",
        idea="Connecting is expensive. Where does a connection go when its lease ends?",
    )


@scenario
async def many_at_once(student: Any) -> list[Any]:
    database = Database(connects=[1.0] * 3)
    pool = student.LeasePool(database.connect, size=3)
    ends = await endings([client(pool, database, n, 1.0) for n in range(1, 8)])
    await close(pool)
    return [ends, database.most_held, database.most_open, [at for _, at, _ in database.entered], database.broken]


@kind("bounds")
def test_size_leases_at_once_and_no_more(explore: Explore) -> None:
    """Seven clients, size 3: three leases are held at once, and never more than three connections exist"""
    ends, most_held, most_open, entered, broken = outcome_of(explore, many_at_once)
    expect(
        most_open <= 3 and most_held <= 3,
        f"Seven clients, size 3: {most_open} connections and {most_held} leases at once.",
        idea="What do you count, and is there an `await` between looking at the number and changing it?",
    )
    expect(
        most_held == 3,
        f"Seven clients, size 3: at most {most_held} held a lease at the same time.",
        idea="Connections are what is scarce. Is a lock held for longer than a line needs it?",
    )
    expect_unbroken(broken, "A connection has one user at a time.")
    expect(ends == ["served"] * 7, f"Seven clients ended like this: {', '.join(ends)}.", idea="Each gets its turn.")
    expect(
        entered[2] <= 1.5 and entered[-1] <= 4.0,
        f"Connecting and every query take 1 s; size 3; the leases began at {', '.join(map(str, entered))} s; "
        "1, 1, 1, 2, 2, 2, 3 was possible.",
        idea="Who waits for somebody else's connect, though a place is free?",
    )


@scenario
async def a_line_of_clients(student: Any) -> list[Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=1)

    async def comes_back() -> None:
        await visit(pool, database, "client 1", 0.5)
        await visit(pool, database, "client 1 again")

    first = asyncio.create_task(comes_back(), name="client 1")
    await asyncio.sleep(0.05)
    tasks = [first]
    for n in range(2, 6):
        tasks.append(client(pool, database, n))
        await asyncio.sleep(0.05)
    ends = await endings(tasks)
    await close(pool)
    return [ends, [name for name, _, _ in database.entered]]


@kind("correctness")
def test_first_come_first_served(explore: Explore) -> None:
    """Who waits longest is next; who comes back at once waits behind those who are waiting"""
    ends, order = outcome_of(explore, a_line_of_clients)
    expect(
        ends == ["served"] * 5, f"Five clients, size 1, ended like this: {', '.join(ends)}.", idea="Each gets its turn."
    )
    expect(
        order == ["client 1", "client 2", "client 3", "client 4", "client 5", "client 1 again"],
        f"Size 1. Clients 2, 3, 4, 5 were waiting when client 1 left and came back. Leases in this order: {', '.join(order)}.",
        idea="Between waking the next one and its first step others can run. Whom does the place belong to in between?",
    )


@scenario
async def numbers(student: Any) -> list[Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=2)
    seen = [pool.stats()]
    tasks = [client(pool, database, n, 1.0) for n in range(1, 6)]
    await asyncio.sleep(0.5)
    seen.append(pool.stats())
    await endings(tasks)
    seen.append(pool.stats())
    await close(pool)
    return [(s.open, s.in_use, s.waiting) for s in [*seen, pool.stats()]]


@kind("correctness")
def test_stats_tell_the_numbers_of_the_moment(explore: Explore) -> None:
    """stats(): connections open, leases in use, tasks waiting"""
    seen = [tuple(s) for s in outcome_of(explore, numbers)]
    moments = ["new", "with five clients, size 2", "when all have gone", "after aclose()"]
    for moment, got, due in zip(moments, seen, [(0, 0, 0), (2, 2, 3), (2, 0, 0), (0, 0, 0)], strict=True):
        expect(
            got == due,
            f"{moment}: stats() gave open, in_use, waiting = {got}; {due} was due.",
            idea="Count where it changes, on every way in and out.",
        )


# -- cancelled anywhere --------------------------------------------------------------------------------------------------


@scenario
async def holder_and_waiters(student: Any) -> dict[str, Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=1)
    tasks = [client(pool, database, n) for n in (1, 2, 3)]
    return await afterwards(pool, database, 1, await endings(tasks))


@kind("schedules")
def test_a_cancelled_lease_loses_no_place(explore: Explore) -> None:
    """The client that connects and queries is cancelled at any moment: the others are served"""
    for after in explore.tasks(holder_and_waiters, cancel="client 1", schedules=20, seconds=4):
        expect_whole(after, 1, WHAT_IS_HELD)


@scenario
async def cut_off(student: Any, resets: list[Any]) -> dict[str, Any]:
    """A client's query is cancelled; one waits already, another comes a second later."""
    database = Database(resets=resets)
    pool = student.LeasePool(database.connect, size=1)
    first = client(pool, database, 1, 5.0)
    await asyncio.sleep(0.5)
    second = client(pool, database, 2, timeout=50.0)
    await asyncio.sleep(0.5)
    first.cancel()
    ends = await endings([first, second])
    later = client(pool, database, 3)
    ends += await endings([later])
    used = [number for _, _, number in database.entered]
    made = database.connections
    found = {"used": used, "entered": [at for _, at, _ in database.entered], "resets": [c.resets for c in made]}
    found["closed"] = [c.closes > 0 for c in made]
    return {**await afterwards(pool, database, 1, ends), **found}


@kind("correctness")
def test_an_interrupted_connection_is_reset(explore: Explore) -> None:
    """After a cancelled query the connection is reset before anybody else gets it"""
    after = outcome_of(explore, cut_off, [])
    expect_unbroken(after["broken"], WHAT_IS_HELD)
    expect(
        after["clients"] == ["cancelled", "served", "served"],
        f"Client 1 was cancelled in its query; clients 2 and 3 came after it. They ended: {', '.join(after['clients'])}.",
        idea=WHAT_IS_HELD,
    )
    expect(
        after["used"] == [1, 1, 1],
        f"One query was cancelled, and the next clients got the connections {after['used'][1:]} instead of 1: "
        "it was thrown away, though a reset would have cleaned it.",
        idea="Connecting is expensive. Close a connection only if its reset does not work.",
    )
    expect_whole(after, 1, WHAT_IS_HELD)


@kind("schedules")
def test_a_cancelled_waiter_loses_no_place(explore: Explore) -> None:
    """A waiting client is cancelled at any moment, also while it is handed the place: the next one gets it"""
    for after in explore.tasks(holder_and_waiters, cancel="client 2", schedules=20, seconds=4):
        expect_whole(after, 1, HAND_ON)


@kind("schedules")
def test_cancelled_twice_loses_no_place(explore: Explore) -> None:
    """Any client is cancelled, and again at any later moment, also while it cleans up"""
    for after in explore.tasks(holder_and_waiters, cancel="client*", cancel_times=2, schedules=20, seconds=4):
        expect_whole(after, 1, TWICE)


@scenario
async def cut_off_before(student: Any) -> dict[str, Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=1)
    first = client(pool, database, 1, 5.0)
    await asyncio.sleep(0.5)
    tasks = [first, client(pool, database, 2, timeout=50.0), client(pool, database, 3)]
    await asyncio.sleep(0.1)
    first.cancel()
    return await afterwards(pool, database, 1, await endings(tasks))


@kind("schedules")
def test_cancelled_beside_an_interrupted_connection(explore: Explore) -> None:
    """One query was cut off; the next client is cancelled at any moment, also while the connection is reset"""
    for after in explore.tasks(cut_off_before, cancel="client 2", cancel_times=2, schedules=20, seconds=4):
        expect_whole(after, 1, TWICE)


@scenario
async def timeout_and_release(student: Any, held: float) -> dict[str, Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=1)
    tasks = [client(pool, database, 1, held)]
    tasks += [client(pool, database, 2, 0.1, 1.0), client(pool, database, 3)]
    return await afterwards(pool, database, 1, await endings(tasks))


@kind("schedules")
def test_a_timeout_at_the_moment_of_release(explore: Explore) -> None:
    """A place comes free at the very moment when the next one's time is up: served or TimeoutError, nothing is lost"""
    for after in explore.tasks(timeout_and_release, 0.895, timer_jitter=True, schedules=100, seconds=4):
        expect_whole(
            after, 1, "The time is up, and the place has been handed over already. Look once more before you leave."
        )
        expect(
            after["clients"][1] in ("served", "TimeoutError"),
            f"Client 2 ended with {after['clients'][1]}.",
            idea="Either it has a connection, or it has a TimeoutError.",
        )


# -- what goes wrong -----------------------------------------------------------------------------------------------------


@scenario
async def failing_block(student: Any) -> dict[str, Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=1)

    async def fails() -> None:
        async with pool.lease() as conn:
            with database.held(conn, "client 1"):
                await conn.query("client 1")
                raise LookupError("no such row")

    ends = await endings([asyncio.create_task(fails(), name="client 1"), client(pool, database, 2)])
    return {**await afterwards(pool, database, 1, ends), "made": len(database.connections)}


@kind("failure")
def test_an_error_in_the_block_gives_the_connection_back(explore: Explore) -> None:
    """The block raises: the exception comes out, the connection goes back and is used again"""
    after = outcome_of(explore, failing_block)
    expect(
        after["clients"][0] == "LookupError",
        f"The block raised LookupError; the client saw: {after['clients'][0]}.",
        idea="What the block raises is none of the pool's business.",
    )
    expect_whole(after, 1, "A block is left in three ways: at its end, by an error, by a cancellation.")
    expect(
        after["made"] == 1,
        f"The block of client 1 raised, and {after['made']} connections were made.",
        idea="Only an interrupted query makes a connection unclean.",
    )


@scenario
async def failing_connect(student: Any) -> dict[str, Any]:
    database = Database(connects=["fails", "fails"])
    pool = student.LeasePool(database.connect, size=1)
    return await afterwards(pool, database, 1, await endings([client(pool, database, n) for n in (1, 2, 3)]))


@kind("failure")
def test_a_connect_that_fails_loses_no_place(explore: Explore) -> None:
    """connect raises: that client gets the error, the next one tries again"""
    after = outcome_of(explore, failing_connect)
    idea = "The place was taken before connect() was called. Who frees it when connect() raises?"
    expect(
        after["clients"][:2] == ["ConnectionError", "ConnectionError"] or "stuck" in after["clients"],
        f"connect() raised ConnectionError twice; three clients ended: {', '.join(after['clients'])}.",
        idea="Who asked for the connection wants to know why there is none.",
    )
    expect_whole(after, 1, idea)


@kind("failure")
def test_a_reset_that_fails_closes_the_connection(explore: Explore) -> None:
    """reset raises: the connection is closed, the next client gets a new one, whatever close does"""
    after = outcome_of(explore, cut_off, ["fails"])
    _expect_replaced(after, "reset() raised ConnectionError")


@kind("failure")
def test_a_reset_that_hangs_closes_the_connection(explore: Explore) -> None:
    """reset takes longer than a second: the connection is closed, the next client gets a new one; 0.9 s are fine"""
    after = outcome_of(explore, cut_off, [40.0])
    _expect_replaced(after, "reset() took 40 s")
    expect(
        after["entered"][1] <= 2.3,
        f"A reset that hung since 1.0 s held up the next client until {after['entered'][1]} s.",
        idea="One second is all it gets.",
    )
    after = outcome_of(explore, cut_off, [0.9])
    expect(
        after["used"] == [1, 1, 1],
        f"reset() took 0.9 s, and the next clients got the connections {after['used'][1:]} instead of 1.",
        idea="Up to a second is fine.",
    )


def _expect_replaced(after: dict[str, Any], what: str) -> None:
    expect(
        after["clients"] == ["cancelled", "served", "served"],
        f"{what}. Client 1 had been cancelled, 2 and 3 came after it; they ended: {', '.join(after['clients'])}.",
        idea="Nobody asked for this reset. Its end, good or bad, frees the place and disturbs no client.",
    )
    expect_unbroken(after["broken"], "A connection that could not be reset is closed, never lent again.")
    expect(
        after["used"][1:] == [2, 2] and after["closed"][0],
        f"{what}; connection 1 was {'' if after['closed'][0] else 'not '}closed, and clients 2 and 3 got {after['used'][1:]}.",
        idea="Close it and make a new one for the next client.",
    )
    expect_whole(after, 1, WHAT_IS_HELD)


@scenario
async def failing_close(student: Any) -> dict[str, Any]:
    database = Database(resets=["fails"], closings=["fails", "fails"])
    pool = student.LeasePool(database.connect, size=2)
    first = client(pool, database, 1, 5.0)
    await asyncio.sleep(0.5)
    first.cancel()
    ends = await endings([first, client(pool, database, 2), client(pool, database, 3)])
    return await afterwards(pool, database, 2, ends)


@kind("failure")
def test_a_close_that_fails_is_ignored(explore: Explore) -> None:
    """close raises, in cleaning up and in aclose: nobody hears of it, and all others are closed"""
    after = outcome_of(explore, failing_close)
    expect(
        after["clients"] == ["cancelled", "served", "served"],
        f"reset() and close() of client 1's connection raised; clients 1, 2, 3 ended: {', '.join(after['clients'])}.",
        idea="A connection that cannot be closed is gone anyway.",
    )
    expect_whole(after, 2, "A connection that cannot be closed is gone anyway. Its place is not.")


@scenario
async def two_places(student: Any) -> dict[str, Any]:
    database = Database(connects=["fails"], resets=["fails", 5.0], closings=["fails"])
    pool = student.LeasePool(database.connect, size=2)
    tasks = [client(pool, database, 1), client(pool, database, 2, 0.2), client(pool, database, 3)]
    await asyncio.sleep(0.15)
    tasks.append(client(pool, database, 4))
    return await afterwards(pool, database, 2, await endings(tasks))


@kind("schedules")
def test_cancelled_while_everything_fails(explore: Explore) -> None:
    """Cancellations while connect, reset and close fail or hang: no place and no connection is lost"""
    for after in explore.tasks(two_places, cancel="client*", cancel_times=2, schedules=20, seconds=4):
        expect_whole(after, 2, TWICE)


@scenario
async def too_late(student: Any, connects: list[float], held: float, cancelled_after: float) -> dict[str, Any]:
    """Client 2 has a timeout of one second, and client 1 is before it."""
    database = Database(connects=connects)
    pool = student.LeasePool(database.connect, size=1)
    loop = asyncio.get_running_loop()
    began, ended = loop.time(), []
    tasks = [client(pool, database, 1, held), client(pool, database, 2, timeout=1.0), client(pool, database, 3)]
    tasks[1].add_done_callback(lambda _: ended.append(loop.time()))
    if cancelled_after:
        await asyncio.sleep(cancelled_after)
        tasks[0].cancel()
    ends = await endings(tasks)
    return {**await afterwards(pool, database, 1, ends), "seconds": round(ended[0] - began, 3)}


@scenario
async def slow_connect(student: Any) -> dict[str, Any]:
    database = Database(connects=[7.0])
    pool = student.LeasePool(database.connect, size=1)
    began = asyncio.get_running_loop().time()
    first = client(pool, database, 1, timeout=1.0)
    ends = await endings([first])
    seconds = round(asyncio.get_running_loop().time() - began, 3)
    ends += await endings([client(pool, database, 2)])
    return {**await afterwards(pool, database, 1, ends), "seconds": seconds}


@kind("failure")
def test_timeout_while_waiting_and_while_connecting(explore: Explore) -> None:
    """After `timeout` seconds without a connection: TimeoutError, exactly then, and the next client is served"""
    connecting = outcome_of(explore, slow_connect)
    _expect_in_time("connected for 7 s", connecting["clients"][0], connecting)
    waiting = outcome_of(explore, too_late, [], 5.0, 0.0)
    _expect_in_time("waited 5 s for its turn", waiting["clients"][1], waiting)
    both = outcome_of(explore, too_late, [7.0, 0.8], 1.0, 0.7)
    _expect_in_time("waited 0.7 s for its turn, then connected for 0.8 s", both["clients"][1], both)


def _expect_in_time(what: str, ending: str, after: dict[str, Any]) -> None:
    expect(
        ending == "TimeoutError",
        f"timeout=1.0, and a client that {what} ended: {ending}, after {after['seconds']} s.",
        idea="`timeout` is for everything before the block together: the turn, a connect, a reset.",
    )
    expect(
        after["seconds"] == 1.0,
        f"timeout=1.0; a client that {what} got its TimeoutError after {after['seconds']} s.",
        idea="One deadline for all that happens before the block, not one for each step.",
    )
    expect_whole(after, 1, "Who gave up waiting must be out of the line, with nothing in its hands.")


@scenario
async def long_block(student: Any) -> dict[str, Any]:
    database = Database()
    pool = student.LeasePool(database.connect, size=1)
    ends = await endings([client(pool, database, 1, 5.0, 1.0)])
    return await afterwards(pool, database, 1, ends)


@kind("failure")
def test_timeout_ends_where_the_block_begins(explore: Explore) -> None:
    """A block may take longer than the timeout of its lease"""
    after = outcome_of(explore, long_block)
    expect(
        after["clients"] == ["served"],
        f"A lease with timeout=1.0 came at once, its query took 5 s, and it ended: {after['clients'][0]}.",
        idea="What is inside your timeout? `timeout` is for waiting, the block is the client's own.",
    )
    expect_whole(after, 1, WHAT_IS_HELD)


@scenario
async def slow_neighbour(student: Any, slow: str) -> list[Any]:
    """One client's connect or reset takes long; another place is free. When does the next client get it?"""
    database = Database(connects=[0.9] if slow == "connect" else [], resets=[0.9] if slow == "reset" else [])
    pool = student.LeasePool(database.connect, size=2)
    first = client(pool, database, 1, 5.0)
    if slow == "reset":
        second = client(pool, database, 2, 1.1)
        await asyncio.sleep(1.0)
        first.cancel()
        await asyncio.sleep(0.05)
    else:
        second = client(pool, database, 2, 0.1)
    began = asyncio.get_running_loop().time() - database.began
    ends = await endings([first, second, client(pool, database, 3), client(pool, database, 4)])
    new = [at - began for name, at, _ in database.entered if at >= began and name != "client 1"]
    await asyncio.sleep(10)
    await close(pool)
    return [ends[1:], round(min(new, default=60.0), 3), database.broken]


@kind("bounds")
def test_a_slow_connection_holds_up_nobody_else(explore: Explore) -> None:
    """While one connection is being made or reset, the others are lent and come back"""
    for slow in ("connect", "reset"):
        ends, first, broken = outcome_of(explore, slow_neighbour, slow)
        expect_unbroken(broken, "A connection has one user at a time.")
        expect(ends == ["served"] * 3, f"Clients 2, 3, 4 ended: {', '.join(ends)}.", idea="Each gets its turn.")
        expect(
            first <= 0.4,
            f"Size 2. While a {slow}() of 0.9 s ran for one place, nobody got the other one for {first} s; 0.1 to 0.2 s was possible.",
            idea="Is a lock held across an `await` that may take long? Nothing needs a lock between two awaits.",
        )


# -- the end -------------------------------------------------------------------------------------------------------------


@scenario
async def closing_time(student: Any) -> dict[str, Any]:
    """Clients 1 and 2 have leases, 3 waits, then aclose, then 4 comes; then aclose again."""
    database = Database()
    pool = student.LeasePool(database.connect, size=2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    tasks = [client(pool, database, 1, 1.0), client(pool, database, 2, 2.0), client(pool, database, 3)]
    await asyncio.sleep(0.5)
    closer = asyncio.create_task(pool.aclose(), name="closer")
    ended: list[float] = []
    closer.add_done_callback(lambda _: ended.append(loop.time()))
    await asyncio.sleep(0.1)
    tasks.append(client(pool, database, 4))
    ends = await endings([*tasks, closer])
    tasks = [client(pool, database, 5), asyncio.create_task(pool.aclose(), name="closer again")]
    ends += await endings(tasks)
    found = {
        "ends": ends,
        "ended": round(ended[0] - began, 3),
        "broken": database.broken,
        "left_open": database.left_open(),
    }
    return {**found, "closes": [conn.closes for conn in database.connections]}


@kind("failure")
def test_aclose_waits_for_leases_and_turns_others_away(explore: Explore) -> None:
    """aclose: who has a lease finishes, who waits or comes later gets PoolClosed, all connections are closed"""
    after = outcome_of(explore, closing_time)
    first, second, third, fourth, closing, fifth, again = after["ends"]
    expect_unbroken(after["broken"], "Wait until every lease has ended, then close.")
    expect(
        first == second == "served",
        f"Clients 1 and 2 had leases when aclose() began; they ended: {first}, {second}.",
        idea="A lease that was given is kept until its block ends.",
    )
    expect(
        third == "PoolClosed",
        f"Client 3 was waiting when aclose() began; it ended: {third}.",
        idea="A closed pool gives out nothing more. Who tells those who are waiting?",
    )
    expect(
        fourth == fifth == "PoolClosed",
        f"Clients that came after aclose() had begun and after it had ended: {fourth}, {fifth}. PoolClosed was due.",
        idea="From the first moment of aclose() on, `lease` raises PoolClosed.",
    )
    expect(closing != "stuck", "aclose() never ended, though all leases did.", idea="What does it wait for?")
    expect(closing == "served", f"aclose() raised {closing}.", idea="Closing is no error.")
    expect(
        after["ended"] >= 2.1, f"The last lease ended at 2.1 s, aclose() at {after['ended']} s.", idea="aclose waits."
    )
    expect_closed(after["left_open"])
    expect(
        again == "served" and after["closes"] == [1, 1],
        f"A second aclose() ended: {again}; the two connections were closed {after['closes']} times.",
        idea="Closing what is closed does nothing.",
    )


@scenario
async def closing_while_connecting(student: Any) -> dict[str, Any]:
    database = Database(connects=[1.0])
    pool = student.LeasePool(database.connect, size=1)
    tasks = [client(pool, database, 1)]
    await asyncio.sleep(0.5)
    tasks.append(asyncio.create_task(pool.aclose(), name="closer"))
    ends = await endings(tasks)
    return {"ends": ends, "left_open": database.left_open(), "broken": database.broken}


@kind("failure")
def test_aclose_waits_for_a_connect(explore: Explore) -> None:
    """aclose while a connection is being made: it is closed, too"""
    after = outcome_of(explore, closing_while_connecting)
    expect_unbroken(after["broken"], "Wait until every lease has ended, then close.")
    expect(
        after["ends"][0] in ("served", "PoolClosed") and after["ends"][1] == "served",
        f"aclose() was called while client 1 was connecting; client 1 ended: {after['ends'][0]}, aclose: {after['ends'][1]}.",
        idea="A place that is taken belongs to somebody, also when there is no connection yet.",
    )
    expect_closed(after["left_open"])


@scenario
async def closing_cancelled(student: Any) -> dict[str, Any]:
    """Two idle connections, one in use; the task "closer" may be cancelled; aclose is called again."""
    database = Database()
    pool = student.LeasePool(database.connect, size=3)
    tasks = [client(pool, database, 1, 0.2), client(pool, database, 2, 0.2), client(pool, database, 3, 1.0)]
    await asyncio.sleep(0.5)
    closer = asyncio.create_task(pool.aclose(), name="closer")
    ends = await endings([closer], seconds=5.0)
    ends += await endings([*tasks, client(pool, database, 4, timeout=5.0)])
    ends += await endings([asyncio.create_task(pool.aclose(), name="second")])
    return {"ends": ends, "left_open": database.left_open(), "broken": database.broken}


@kind("schedules")
def test_aclose_can_be_cancelled_and_called_again(explore: Explore) -> None:
    """aclose is cancelled at any moment: the pool stays closed to new clients, and a second aclose closes the rest"""
    for after in explore.tasks(closing_cancelled, cancel="closer", schedules=20, seconds=4):
        closing, *clients, late, again = after["ends"]
        expect(
            closing in ("served", "cancelled"),
            f"aclose() was cancelled, and ended: {closing}.",
            idea="CancelledError must come out of aclose().",
        )
        expect(clients == ["served"] * 3, f"Three leases ended: {', '.join(clients)}.", idea="aclose waits for leases.")
        expect(
            late == "PoolClosed",
            f"aclose() was cancelled; a client that came after that ended: {late}; PoolClosed was due.",
            idea="Closed is closed, whether or not all connections are.",
        )
        expect_unbroken(after["broken"], "Wait until every lease has ended, then close.")
        expect(
            again == "served",
            f"The second aclose() ended: {again}.",
            idea="What did the first one take along? Awaiting a task hands a cancellation on to it."
            if again != "stuck"
            else "What does it still wait for?",
        )
        expect_closed(after["left_open"])


@scenario
async def closing_at_once(student: Any) -> dict[str, Any]:
    """A client is cancelled (by the check, or by the engine), and the pool is closed while it may still be cleaning."""
    database = Database(resets=[0.5])
    pool = student.LeasePool(database.connect, size=1)
    first = client(pool, database, 1, 0.5)
    await asyncio.sleep(0.3)
    first.cancel()
    ends = [*await endings([first]), await close(pool)]
    return {"ends": ends, "left_open": database.left_open(), "broken": database.broken}


@kind("hygiene")
def test_after_aclose_no_task_is_left(explore: Explore) -> None:
    """When aclose returns, all cleaning has ended: no task is left, no connection open"""
    for after in explore.tasks(closing_at_once, cancel="client 1", cancel_times=2, schedules=20, seconds=4):
        expect_unbroken(after["broken"], OWNER)
        expect(
            after["ends"] == ["cancelled", "served"],
            f"Client 1 was cancelled, then the pool was closed. They ended: {', '.join(after['ends'])}.",
            idea=OWNER,
        )
        expect_closed(after["left_open"])


# -- in real time --------------------------------------------------------------------------------------------------------


@scenario
async def rush_hour(student: Any, number: int, size: int, seconds: float) -> list[str]:
    """Real time: `number` leases of `seconds` each."""
    database = Database(connects=[0.0] * size, closings=[0.0] * size)
    pool = student.LeasePool(database.connect, size=size)
    ends = await endings([client(pool, database, n, seconds) for n in range(number)], 3.0)
    await close(pool, 3.0)
    return ends + database.broken


@scenario
async def in_debug_mode(student: Any) -> list[str]:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.set_exception_handler(lambda _, context: complaints.append(str(context.get("message"))))
    database = Database(resets=[0.01, "fails"], closings=[0.0, 0.0, 0.0])
    pool = student.LeasePool(database.connect, size=2)
    tasks = [client(pool, database, n, 0.05, 5.0) for n in range(8)]
    await asyncio.sleep(0.12)
    for task in tasks[:2]:
        task.cancel()
    await endings(tasks, 2.0)
    closing = await close(pool, 2.0)
    return complaints + database.broken + (["aclose() did not end."] if closing == "stuck" else [])


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """In asyncio's debug mode, with real time: no complaint, no task, no thread"""
    complaints = submission.run(in_debug_mode)
    expect(not complaints, f"In debug mode: {'; '.join(complaints[:2])}", idea=OWNER)
    submission.finish().expect_none()


@kind("speedup")
def test_sixteen_leases_share_four_connections(submission: Submission, speedup: Speedup) -> None:
    """Sixteen leases of 40 ms each with four connections: at least 3 times as fast as one after the other"""

    def one_by_one(number: int) -> list[str]:
        for _ in range(number):
            time.sleep(0.04)
        return ["served"] * number

    speedup.latency(
        fresh=lambda: 16,
        baseline=one_by_one,
        attempt=lambda number: submission.timed(rush_hour, number, 4, 0.04),
        at_least=3.0,
    )
