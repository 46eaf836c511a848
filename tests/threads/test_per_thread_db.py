"""Checks of per_thread_db. Connections of the checks note who uses them, and whether they are open."""

from __future__ import annotations

import _thread
import contextlib
import itertools
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from grader.explore import pause, together
from grader.judge import Explore, Rendezvouses, Submission, expect, kind, scenario

EXERCISE = "per_thread_db"
INVISIBLE = "What a thread stores in a `threading.local` no other thread can see. How can close() know of it?"
ONE_STEP = "Between your look at 'closed' and the line that registers a connection, close() can begin and end. Who closes it then?"
WHO_IS_GONE = (
    "A thread that ends closes nothing by itself. Who notices, which of its things must be found, and by what?"
)
SHARED = "What several threads change at once needs a lock, held from the look to the change."
NOT_THE_NUMBER = "A thread's numbers (and id()s) are given to another thread once it has ended. What of a thread is never used again?"


# -- inside the submission -------------------------------------------------------------------------------------------


@scenario
class Connection:
    """What `connect` of the checks returns. The server does not hold it: who lets go of it can never close it."""

    def __init__(self, server: Any, number: int) -> None:
        self.server, self.number = server, number
        self.owner, self.owner_name = server.me(), threading.current_thread().name

    def execute(self, sql: str, parameters: Any = ()) -> list[Any]:
        user = threading.current_thread().name
        if self.owner != self.server.me():
            self.server.misuse.append(f"thread '{user}' used the connection that thread '{self.owner_name}' made")
        elif self.number not in self.server.open:
            self.server.misuse.append(f"thread '{user}' used a connection that is closed")
        return []

    def close(self) -> None:
        self.server.open.discard(self.number)


@scenario
class Server:
    """Makes connections, with the numbers 1, 2, 3 and so on. `fails`: which calls of connect fail."""

    def __init__(self, fails: Any = ()) -> None:
        self.fails = set(fails)
        self.calls = 0
        self.open: set[int] = set()
        self.misuse: list[str] = []
        self._numbers, self._threads = itertools.count(1), itertools.count(1)
        self._local = threading.local()
        self._lock = _thread.allocate_lock()

    def me(self) -> int:
        """A number of the calling thread that no other thread ever gets."""
        if not hasattr(self._local, "me"):
            with self._lock:
                self._local.me = next(self._threads)
        return int(self._local.me)

    def connect(self) -> Any:
        with self._lock:
            self.calls += 1
            call = self.calls
        pause()  # it takes its time
        if call in self.fails:
            raise ConnectionError("the database is down")
        with self._lock:
            number = next(self._numbers)
            self.open.add(number)
        return Connection(self, number)

    def left_open(self) -> list[int]:
        return sorted(self.open)


@scenario
def ask(database: Any) -> Any:
    """Ask for a connection and use it: its number, or what came instead of a connection."""
    found = database.connection()
    if not isinstance(found, Connection):
        return f"{type(found).__name__} {str(found)[:40]}"
    found.execute("SELECT 1")
    return found.number


@scenario
def told(call: Callable[[], Any]) -> Any:
    """What the call returned, or the name of the exception that it raised."""
    try:
        return call()
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__


@scenario
class Farewell:
    """Tells when a thread has really gone, with everything that was stored for it."""

    def __init__(self) -> None:
        self._local, self._gone = threading.local(), _thread.allocate_lock()
        self._gone.acquire()

    def leave(self) -> None:
        """The last words of the thread: what it stored before is given up before this is."""
        self._local.sign = sign = Held()
        weakref.finalize(sign, self._gone.release)

    def wait(self) -> None:
        self._gone.acquire()


@scenario
class Worker:
    """A thread that does what it is asked to, one thing after the other, until `end`."""

    def __init__(self, name: str) -> None:
        self._asked: Any = queue.SimpleQueue()
        self._answers: Any = queue.SimpleQueue()
        self._farewell = Farewell()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        answer: Any
        while (function := self._asked.get()) is not None:
            try:
                answer = (True, function())
            except BaseException as error:
                answer = (False, error)
            self._answers.put(answer)
            del answer, function
        self._farewell.leave()

    def ask(self, function: Callable[[], Any]) -> Any:
        self._asked.put(function)
        is_fine, answer = self._answers.get()
        if not is_fine:
            raise answer
        return answer

    def dismiss(self) -> None:
        """Let it end, without waiting for that."""
        self._asked.put(None)

    def end(self) -> threading.Thread:
        self.dismiss()
        self.thread.join()
        self._farewell.wait()
        return self.thread


@scenario
def in_thread(name: str, function: Callable[[], Any]) -> Any:
    """The answer of a new thread, which has ended then."""
    worker = Worker(name)
    try:
        return worker.ask(function)
    finally:
        worker.end()


@scenario
def at_once(*functions: Callable[[], Any], names: tuple[str, ...]) -> list[Any]:
    """`together`, until the threads have really gone."""
    farewells = [Farewell() for _ in functions]

    def last(function: Callable[[], Any], farewell: Any) -> Callable[[], Any]:
        def call() -> Any:
            try:
                return function()
            finally:
                farewell.leave()

        return call

    answers = together(*(last(f, w) for f, w in zip(functions, farewells, strict=True)), names=names)
    for farewell in farewells:
        farewell.wait()
    return answers


@scenario
class Held:
    """What a thread keeps as long as it lives."""


@scenario
@contextlib.contextmanager
def idents(student: Any, reused: bool) -> Iterator[Callable[[], int]]:
    """Idents as a system may give them: that of an ended thread goes to the very next one, or to none ever again."""
    real, main = _thread.get_ident, _thread.get_ident()
    mine, free, new = threading.local(), [], itertools.count(5001)

    def number() -> int:
        if real() == main:
            return main
        if not hasattr(mine, "held"):
            mine.held = Held()
            mine.held.number = free.pop() if free else next(new)
            if reused:
                weakref.finalize(mine.held, free.append, mine.held.number)
        return int(mine.held.number)

    changed = []
    for name in ("get_ident", "get_native_id"):
        original = getattr(threading, name)
        for module in (threading, _thread, student):
            for key, value in list(vars(module).items()):
                if value is original:
                    changed.append((module, key, original))
                    setattr(module, key, number)
    try:
        yield number
    finally:
        for module, key, original in changed:
            setattr(module, key, original)


# -- helpers of the judge ----------------------------------------------------------------------------------------------


def expect_connections(answers: list[Any], misuse: list[str]) -> None:
    """All answers are connections, made by the threads that got them."""
    odd = [answer for answer in answers if not isinstance(answer, int)]
    expect(not odd, f"connection() returned {odd[0] if odd else ''}.", idea="It returns what `connect` returned.")
    expect(
        not misuse,
        f"A {misuse[0] if misuse else ''}: a real connection raises an exception then.",
        idea="A connection belongs to the thread that called `connect`, and to no other.",
    )


def searched(explore: Explore, scenario_function: Any, *args: Any) -> Iterator[Any]:
    """All schedules with one preemption, then some at random: the outcomes of both."""
    yield from explore(scenario_function, *args, bound=1, schedules=600, seconds=2)
    yield from explore(scenario_function, *args, schedules=120, seconds=0.6)


def people(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


# -- whose connection --------------------------------------------------------------------------------------------------


@scenario
def asked_again(student: Any) -> list[Any]:
    server = Server()
    database = student.Database(server.connect)
    before = server.calls
    first = ask(database)
    in_thread("other", lambda: ask(database))
    return [before, [first, ask(database), ask(database)]]


@kind("correctness")
def test_a_thread_gets_the_same_connection_again(submission: Submission) -> None:
    """A thread that asks again gets the same connection; connect is called when it is needed, and not before"""
    before, numbers = submission.run(asked_again)
    expect_connections(numbers, [])
    expect(
        len(set(numbers)) == 1,
        f"One thread asked three times, with another thread in between, and got connections {', '.join(map(str, numbers))}.",
        idea="Where does a thread find the connection that it was given before?",
    )
    expect(
        before == 0,
        f"Database(connect) called connect {before} time{'s' * (before != 1)}, before any thread had asked for a connection.",
        idea="Which thread runs __init__, and who can use what it connects there?",
    )


@scenario
def four_threads(student: Any) -> list[Any]:
    """Two of them have the same name, and all live at the same time."""
    server = Server()
    database = student.Database(server.connect)
    workers = [Worker(name) for name in ("ada", "bob", "pool", "pool")]
    first = [worker.ask(lambda: ask(database)) for worker in workers]
    still_open = server.left_open()
    again = [worker.ask(lambda: ask(database)) for worker in workers]
    for worker in workers:
        worker.end()
    return [first, again, still_open, server.misuse]


@kind("correctness")
def test_every_thread_has_a_connection_of_its_own(submission: Submission) -> None:
    """Four threads, two of them with the same name, have four connections and keep them"""
    first, again, still_open, misuse = submission.run(four_threads)
    expect_connections(first + again, [])
    expect(
        len(set(first[:3])) == 3,
        f"Three threads asked, and got connections {', '.join(map(str, first[:3]))}: "
        "the ones who did not make it get a WrongThread.",
        idea="Who may use a connection? Where does each thread look for its own?",
    )
    expect(
        first[3] != first[2],
        f"Two threads that are both called 'pool' got the same connection, {first[2]}.",
        idea="Names are for people; any number of threads may have the same.",
    )
    expect(
        len(still_open) == 4,
        f"Four threads have asked, all are alive, and {4 - len(still_open)} of their connections are closed.",
        idea="What tells your code that a thread does not need its connection any more?",
    )
    expect_connections(first, misuse)
    expect(
        again == first,
        f"Four threads got connections {', '.join(map(str, first))}; asked again, {', '.join(map(str, again))}.",
        idea="A thread keeps its connection as long as it lives.",
    )


@scenario
def two_databases(student: Any) -> list[Any]:
    servers = [Server(), Server()]
    first, second = (student.Database(server.connect) for server in servers)
    answers = [ask(first), ask(second)]
    made = [server.calls for server in servers]
    first.close()
    return [answers, made, told(lambda: ask(second)), servers[1].left_open()]


@kind("correctness")
def test_two_databases_have_nothing_in_common(submission: Submission) -> None:
    """A thread has a connection to each of two databases; closing one leaves the other as it is"""
    answers, made, after, left_open = submission.run(two_databases)
    expect_connections(answers, [])
    expect(
        made == [1, 1],
        f"One thread asked two databases: they were connected to {made[0]} and {made[1]} times, once each was due.",
        idea="Which of your variables belong to one Database, and which to all of them?",
    )
    expect(
        after == 1 and left_open == [1],
        f"The other database was closed; connection() of this one: {after if isinstance(after, str) else 'another one'}; "
        f"{people(len(left_open), 'connection')} of it open.",
        idea="Which of your variables belong to one Database, and which to all of them?",
    )


@scenario
def close_while_all_live(student: Any, by_worker: bool) -> list[Any]:
    server = Server()
    database = student.Database(server.connect)
    workers = [Worker(f"worker {n}") for n in range(1, 5)]
    answers = [ask(database), *(worker.ask(lambda: ask(database)) for worker in workers)]
    if by_worker:
        workers[0].ask(database.close)
    else:
        database.close()
    left_open = server.left_open()
    for worker in workers:
        worker.end()
    return [answers, left_open]


@kind("hygiene")
def test_close_closes_the_connections_of_all_threads(submission: Submission) -> None:
    """Five threads have a connection each: close() closes all of them, whoever calls it"""
    for by_worker, who in ((False, "the main thread"), (True, "one of the others")):
        answers, left_open = submission.run(close_while_all_live, by_worker)
        expect_connections(answers, [])
        closed = len(answers) - len(left_open)
        expect(
            not left_open,
            f"Five threads had a connection each; close() in {who} closed {closed} of 5.",
            idea=INVISIBLE if closed < 2 else "Which connections does close() know of, and which not?",
        )


@scenario
def one_after_the_other(student: Any, reused: bool, keep: bool, number: int) -> list[Any]:
    """Each thread ends before the next one begins: connections, idents, misuse."""
    server = Server()
    database = student.Database(server.connect)
    answers, seen, kept = [], [], []
    with idents(student, reused) as ident:
        for _ in range(number):
            worker = Worker("handler")
            answers.append(worker.ask(lambda: ask(database)))
            seen.append(worker.ask(ident))
            thread = worker.end()
            if keep:
                kept.append(thread)
            del worker, thread
    return [answers, seen, server.misuse]


@kind("correctness")
def test_a_connection_is_never_handed_on(submission: Submission) -> None:
    """When a thread has ended, no other thread gets its connection"""
    answers, _, misuse = submission.run(one_after_the_other, False, True, 4)
    expect_connections(answers, [])
    expect(
        len(set(answers)) == 4 and not misuse,
        f"Four threads, one after the other, got connections {', '.join(map(str, answers))}: "
        "one thread was given what another one had made.",
        idea="A connection that its thread does not need any more is of no use to others: they get WrongThread.",
    )


@kind("correctness")
def test_a_reused_ident_is_another_thread(submission: Submission) -> None:
    """A new thread has the get_ident() of one that has ended, and gets a connection of its own"""
    answers, seen, misuse = submission.run(one_after_the_other, True, False, 20)
    expect_connections(answers, [])
    again = next((n for n in range(1, 20) if answers[n] in answers[:n]), 0)
    before = answers.index(answers[again])
    expect(
        not again,
        f"Thread {again + 1} got connection {answers[again]}, which thread {before + 1} had made and left behind when it ended. "
        f"get_ident() was {seen[before]} in the one and {seen[again]} in the other: idents are reused, and so are native ids.",
        idea=NOT_THE_NUMBER,
    )
    expect_connections(answers, misuse)


# -- threads that end --------------------------------------------------------------------------------------------------


@scenario
def some_end(student: Any, has_one: bool) -> list[Any]:
    """Four threads end, one lives, then a thread asks that has a connection already (or not)."""
    server = Server()
    database = student.Database(server.connect)
    living = Worker("living")
    theirs = [living.ask(lambda: ask(database))]
    asker = Worker("asker")
    if has_one:
        theirs.append(asker.ask(lambda: ask(database)))
    workers = [Worker(f"handler {n}") for n in range(1, 5)]
    handlers = [worker.ask(lambda: ask(database)) for worker in workers]
    threads = [worker.end() for worker in workers]
    if has_one:
        asker.ask(lambda: ask(database))
    else:
        theirs.append(asker.ask(lambda: ask(database)))
    left_open = server.left_open()
    for worker in (living, asker):
        worker.end()
    return [len(threads), theirs, handlers, left_open, server.misuse]


@kind("correctness")
def test_the_next_call_closes_what_ended_threads_left(submission: Submission) -> None:
    """Four threads have ended: the next connection(), of a thread that has none yet, closes theirs and no others"""
    _, theirs, handlers, left_open, misuse = submission.run(some_end, False)
    expect_cleared(theirs, handlers, left_open, misuse, WHO_IS_GONE)


@kind("correctness")
def test_a_thread_that_has_its_connection_closes_them_too(submission: Submission) -> None:
    """Four threads have ended: the next connection(), of a thread that has its own already, closes theirs"""
    _, theirs, handlers, left_open, misuse = submission.run(some_end, True)
    expect_cleared(
        theirs,
        handlers,
        left_open,
        misuse,
        "The thread that asked had its connection already. Which of your lines run then, and which do not?",
    )


def expect_cleared(theirs: list[Any], handlers: list[Any], left_open: list[Any], misuse: list[str], idea: str) -> None:
    expect_connections(theirs + handlers, misuse)
    dead = [number for number in handlers if number in left_open]
    expect(
        not dead,
        f"Four threads had ended, then another one called connection(): {len(dead)} of their 4 connections stayed open.",
        idea=idea
        if len(dead) == 4
        else "Some were closed and others not. Does the list change while you go through it?",
    )
    closed = [number for number in theirs if number not in left_open]
    expect(
        not closed,
        f"Four threads had ended, and connection() closed connection {closed[0] if closed else ''} of a thread that lives.",
        idea="Who may lose a connection, and how do you tell?",
    )


@scenario
def same_number_again(student: Any) -> list[Any]:
    server = Server()
    database = student.Database(server.connect)
    with idents(student, True) as ident:
        first = Worker("first")
        answers, seen = [first.ask(lambda: ask(database))], [first.ask(ident)]
        first.end()
        second = Worker("second")
        answers.append(second.ask(lambda: ask(database)))
        seen.append(second.ask(ident))
        left_open = server.left_open()
        second.end()
        database.close()
    return [answers, seen, left_open, server.left_open()]


@kind("correctness")
def test_a_reused_ident_hides_no_ended_thread(submission: Submission) -> None:
    """A new thread has the get_ident() of one that has ended: the connection of the ended one is closed all the same"""
    answers, seen, left_open, at_the_end = submission.run(same_number_again)
    expect_connections(answers, [])
    expect(
        answers[0] not in left_open,
        f"Thread 1 ended, and thread 2 called connection(): the connection of thread 1 stayed open. "
        f"get_ident() was {seen[0]} in thread 1 and {seen[1]} in thread 2.",
        idea="Your code saw a living thread with that number, or forgot the first connection over the second. "
        + NOT_THE_NUMBER,
    )
    expect(answers[1] in left_open, "The connection of thread 2, which lives, was closed.", idea=NOT_THE_NUMBER)
    expect(not at_the_end, f"After close(), {people(len(at_the_end), 'connection')} stayed open.", idea=WHO_IS_GONE)


@scenario
def two_hundred(student: Any) -> list[Any]:
    """Each ends before the next one begins, and nobody holds on to it. The most connections that were open after a call."""
    server = Server()
    database = student.Database(server.connect)
    answers, opened = [ask(database)], []

    def handle() -> Any:
        answers.append(ask(database))
        opened.append(len(server.open))

    for _ in range(200):
        in_thread("handler", handle)
    database.close()
    return [answers, max(opened), server.left_open(), server.misuse]


@kind("bounds")
def test_no_more_connections_than_threads(submission: Submission) -> None:
    """Two hundred threads, one after the other: never more connections are open than threads are alive"""
    answers, most, left_open, misuse = submission.run(two_hundred)
    expect_connections(answers, misuse)
    expect(
        most <= 2,
        f"Two hundred threads came and went; main and one of them were alive, and {most} connections were open.",
        idea="Only the thread's own data ends with it. What of it did your code still hold, or can it no longer find?",
    )
    expect(not left_open, f"After close(), {people(len(left_open), 'connection')} stayed open.", idea=WHO_IS_GONE)


# -- errors, and the end -----------------------------------------------------------------------------------------------


@scenario
def connect_fails(student: Any) -> dict[str, Any]:
    """The calls 1 and 3 of connect fail."""
    server = Server(fails=(1, 3))
    database = student.Database(server.connect)
    found: dict[str, Any] = {"first": told(lambda: ask(database)), "calls": server.calls}
    found["again"] = told(lambda: ask(database))
    found["other"] = in_thread("other", lambda: told(lambda: ask(database)))
    found["next"] = in_thread("next", lambda: told(lambda: ask(database)))
    found["close"] = told(database.close)
    return {**found, "left_open": server.left_open(), "misuse": server.misuse}


@kind("failure")
def test_when_connect_fails_the_next_call_tries_again(submission: Submission) -> None:
    """What connect raises comes out of connection(); nothing is kept of it, and the next call tries again"""
    found = submission.run(connect_fails)
    expect(
        found["first"] == "ConnectionError" and found["calls"] == 1,
        f"connect raised ConnectionError; connection() ended with {found['first']}, and connect was called {found['calls']} times.",
        idea="The caller decides what to do about it: let the exception out, at once.",
    )
    expect(
        found["again"] == 1,
        f"connect raised once; the same thread asked again, connect would have worked, and connection() gave {found['again']}.",
        idea="What does your code remember of a call that failed, and where?",
    )
    expect(
        found["other"] == "ConnectionError" and found["next"] == 2,
        f"connect raised for one thread; connection() ended there with {found['other']}, and in the next thread with "
        f"{found['next']}.",
        idea="What does your code remember of a call that failed, and where?",
    )
    expect(
        found["close"] is None,
        f"connect had raised twice; then close() ended with {found['close']}.",
        idea="Was something put into a list before there was a connection?",
    )
    expect(
        not found["left_open"],
        f"After close(), {people(len(found['left_open']), 'connection')} stayed open.",
        idea=WHO_IS_GONE,
    )


@scenario
def closed(student: Any) -> dict[str, Any]:
    server = Server()
    database, unused = student.Database(server.connect), student.Database(server.connect)
    worker = Worker("worker")
    ask(database)
    worker.ask(lambda: ask(database))
    found: dict[str, Any] = {"close": told(database.close), "unused": told(unused.close)}
    found["again"] = [told(database.close), worker.ask(lambda: told(database.close))]
    calls = {
        "the thread that closed it": told,
        "a thread that had a connection": lambda call: worker.ask(lambda: told(call)),
    }
    calls["a new thread"] = lambda call: in_thread("new", lambda: told(call))
    found["asked"] = {who: how(database.connection) for who, how in calls.items()}
    found["asked"] = {who: a if isinstance(a, str) else type(a).__name__ for who, a in found["asked"].items()}
    found["left_open"] = server.left_open()
    found["closing"] = told(database.close)
    worker.end()
    return found


@kind("failure")
def test_a_closed_database_gives_no_connection(submission: Submission) -> None:
    """After close(), connection() is a RuntimeError in every thread; closing again does nothing"""
    found = submission.run(closed)
    expect(found["close"] is None, f"close() ended with {found['close']}.", idea="Closing is no error.")
    expect(
        found["unused"] is None,
        f"Nobody had asked for a connection: close() ended with {found['unused']}.",
        idea="What does close() take for granted?",
    )
    for who, answer in zip(("the same thread", "another thread"), found["again"], strict=True):
        expect(
            answer is None,
            f"A second close(), in {who}, ended with {answer}.",
            idea="Closing what is closed does nothing.",
        )
    for who, answer in found["asked"].items():
        expect(
            answer == "RuntimeError",
            f"After close(), connection() in {who} gave {answer}; RuntimeError was due.",
            idea="Which of your lines return a connection, and does each of them know that the database is closed?",
        )
    expect(
        not found["left_open"],
        f"After close(), connection() raised, but {people(len(found['left_open']), 'connection')} had been made and stayed open.",
        idea="Who raises after connecting has something to close first.",
    )
    expect(
        found["closing"] is None, f"A last close() ended with {found['closing']}.", idea="Closing again does nothing."
    )


# -- at the same time --------------------------------------------------------------------------------------------------


@scenario
def connect_at_once(student: Any, enter: Callable[[], None]) -> list[Any]:
    server = Server()

    def connect() -> Any:
        enter()
        return server.connect()

    database = student.Database(connect)
    with ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(ask, database) for _ in range(4)]]
        database.close()
    return [answers, server.left_open()]


@kind("bounds")
def test_four_threads_connect_at_the_same_time(submission: Submission, rendezvous: Rendezvouses) -> None:
    """Four threads are inside connect at the same time: nobody waits for somebody else's connection"""
    meeting = rendezvous(4)
    answers, left_open = submission.run(connect_at_once, meeting.enter)
    expect(
        meeting.met,
        f"Four threads asked at the same time, and {people(meeting.most, 'call')} of connect ran at once: "
        "the others waited until it was through.",
        idea="Connecting is slow. What does a thread hold meanwhile that the others need?",
    )
    expect_connections(answers, [])
    expect(not left_open, f"After close(), {people(len(left_open), 'connection')} stayed open.", idea=WHO_IS_GONE)


@scenario
def ask_while_closing(student: Any, ended: int) -> list[Any]:
    """`ended`: how many threads have had a connection and ended before."""
    server = Server()
    database = student.Database(server.connect)
    for n in range(ended):
        in_thread(f"ended {n + 1}", lambda: ask(database))
    answer, _ = at_once(
        lambda: told(lambda: type(database.connection()).__name__), database.close, names=("handler", "closer")
    )
    return [answer, server.left_open()]


@kind("schedules")
def test_no_connection_outlives_a_close(explore: Explore) -> None:
    """connection() while another thread calls close(): RuntimeError, or a connection that is closed at the end"""
    for ended in (0, 1):
        outcomes = searched(explore, ask_while_closing, 1)
        if not ended:
            outcomes = explore(ask_while_closing, 0, bound=2, schedules=1500, seconds=2.5)
        for answer, left_open in outcomes:
            expect(
                answer in ("Connection", "RuntimeError"),
                f"connection() while another thread called close(): it ended with {answer}.",
                idea="Only two things can come of it: a connection, or RuntimeError.",
            )
            what = "raised RuntimeError" if answer == "RuntimeError" else "returned a connection"
            expect(
                not left_open,
                f"connection() {what}, close() returned, and {people(len(left_open), 'connection')} stayed open.",
                idea=ONE_STEP if answer != "RuntimeError" else "What had the thread made when it raised? " + ONE_STEP,
            )


@scenario
def ask_while_ending(student: Any) -> list[Any]:
    """One thread ends while another one looks for those who have ended; then that one looks again, and closes."""
    server = Server()
    database = student.Database(server.connect)
    answers = [ask(database)]
    worker = Worker("ending")
    answers.append(worker.ask(lambda: ask(database)))
    worker.dismiss()
    ask(database)
    worker.end()
    ask(database)
    left_open = server.left_open()
    database.close()
    return [answers, left_open, server.left_open(), server.misuse]


@kind("schedules")
def test_a_thread_that_ends_meanwhile_is_found_later(explore: Explore) -> None:
    """A thread ends while another one calls connection(): the next call closes its connection"""
    for answers, left_open, at_the_end, misuse in explore(ask_while_ending, bound=2, schedules=1000, seconds=2.5):
        expect_connections(answers, misuse)
        expect(
            answers[1] not in left_open,
            "A thread ended while another one was in connection(). When that one called connection() again, the connection "
            f"of the ended thread stayed open{', and after close() it was still open: it had been lost' if at_the_end else ''}.",
            idea="The list of threads was read while one of them ended. How often does your code ask whether it lives?",
        )
        expect(not at_the_end, f"After close(), {people(len(at_the_end), 'connection')} stayed open.", idea=SHARED)


@scenario
def ask_at_once(student: Any, ended: int) -> list[Any]:
    server = Server()
    database = student.Database(server.connect)
    threads = []
    for n in range(ended):
        worker = Worker(f"ended {n + 1}")
        worker.ask(lambda: ask(database))
        threads.append(worker.end())
    before = server.left_open()
    answers = at_once(lambda: ask(database), lambda: ask(database), names=("handler 1", "handler 2"))
    dead = [number for number in before if number in server.open]
    database.close()
    return [answers, dead, server.left_open(), server.misuse]


@kind("schedules")
def test_two_new_threads_do_not_lose_each_other(explore: Explore) -> None:
    """Two threads ask for the first time and end: each has its own connection, and close() knows of both"""
    for answers, _, left_open, misuse in searched(explore, ask_at_once, 0):
        expect_connections(answers, misuse)
        expect(len(set(answers)) == 2, "Two threads got the same connection.", idea=SHARED)
        expect(
            not left_open,
            f"Two threads asked at the same time and ended; after close(), {people(len(left_open), 'connection')} of 2 stayed open.",
            idea=SHARED + " Can a thread end, or register, while another one is looking?",
        )


@kind("schedules")
def test_two_threads_find_what_an_ended_one_left(explore: Explore) -> None:
    """Two threads ask while the connections of two ended ones are open: those are closed, and no others are lost"""
    for answers, dead, left_open, misuse in searched(explore, ask_at_once, 2):
        expect_connections(answers, misuse)
        expect(len(set(answers)) == 2, "Two threads got the same connection.", idea=SHARED)
        expect(
            not dead,
            f"Two threads asked at the same time; {len(dead)} of 2 connections of ended threads stayed open.",
            idea=SHARED,
        )
        expect(
            not left_open,
            f"Two threads asked at the same time and ended; after close(), {people(len(left_open), 'connection')} stayed open.",
            idea=SHARED + " Can a thread end, or register, while another one is looking?",
        )


@scenario
def close_at_once(student: Any) -> list[Any]:
    server = Server()
    database = student.Database(server.connect)
    ask(database)
    in_thread("ended", lambda: ask(database))
    ends = at_once(lambda: told(database.close), lambda: told(database.close), names=("closer 1", "closer 2"))
    return [ends, server.left_open()]


@kind("schedules")
def test_two_threads_can_close_at_once(explore: Explore) -> None:
    """close() in two threads at the same time: both return, and nothing is open"""
    for ends, left_open in searched(explore, close_at_once):
        wrong = [end for end in ends if end is not None]
        expect(
            not wrong,
            f"Two threads called close() at the same time; one ended with {wrong[0] if wrong else ''}.",
            idea="Both may be anywhere in close(). Which of them closes which connection?",
        )
        expect(
            not left_open,
            f"Two threads called close() at the same time; {people(len(left_open), 'connection')} stayed open.",
            idea="Both may be anywhere in close(). Which of them closes which connection?",
        )


# -- a real database ---------------------------------------------------------------------------------------------------


@scenario
def insert_fifty_each(student: Any, path: Path) -> list[Any]:
    from connections import Connection as RealConnection  # given; only the submission has it

    def connect() -> Any:
        made = RealConnection(path)
        made.execute("PRAGMA synchronous = OFF")  # a crash of the machine is no concern here
        return made

    database = student.Database(connect)
    database.connection().execute("CREATE TABLE visits (handler INTEGER, number INTEGER)")

    def handle(handler: int) -> None:
        for number in range(50):
            database.connection().execute("INSERT INTO visits VALUES (?, ?)", (handler, number))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(handle, handler) for handler in range(4)]:
            future.result()
    rows = database.connection().execute("SELECT count(*), count(DISTINCT handler * 1000 + number) FROM visits")
    database.close()
    return [list(row) for row in rows]


@kind("correctness")
def test_four_threads_write_to_a_real_database(submission: Submission) -> None:
    """Four threads insert fifty rows each into a SQLite file: all two hundred are there"""
    rows = submission.run(insert_fifty_each, submission.folder / "visits.db")
    expect(
        rows == [[200, 200]],
        f"Four threads inserted 50 rows each; the database counts {rows}, [[200, 200]] was due.",
        idea="Which connection did each of the inserts use?",
    )


# -- request ids -------------------------------------------------------------------------------------------------------


@scenario
def pooled_requests(student: Any) -> list[Any]:
    """One pooled thread serves requests with a scope, then does work without one."""

    def serve(request: str, fails: bool = False) -> Any:
        with student.request_scope(request):
            if fails:
                raise LookupError("no such page")
            return student.current_request()

    with ThreadPoolExecutor(1) as pool:
        seen = [pool.submit(student.current_request).result()]
        seen.append(pool.submit(serve, "request 1").result())
        seen.append(pool.submit(student.current_request).result())
        failed = str(type(pool.submit(serve, "request 2", True).exception()).__name__)
        seen.append(pool.submit(student.current_request).result())
    return [seen, failed]


@kind("correctness")
def test_a_pooled_thread_forgets_the_request(submission: Submission) -> None:
    """A pooled thread without a scope sees None, before its first request and after each"""
    seen, _ = submission.run(pooled_requests)
    before, during, after, _ = [repr(value) for value in seen]
    expect(
        before == "None",
        f"A pooled thread that has served no request yet: current_request() gave {before}; None was due.",
        idea="Which thread ran the line that sets the first value?",
    )
    expect(
        during == "'request 1'",
        f"Inside request_scope('request 1') current_request() gave {during}.",
        idea="Who sets it, in which thread, and who looks?",
    )
    expect(
        after == "None",
        f"A pooled thread served 'request 1' and then did something else: current_request() gave {after}; None was due.",
        idea="The thread of a pool outlives the request. Who cleans up behind it?",
    )


@scenario
def nested_scopes(student: Any) -> list[Any]:
    look = student.current_request
    seen = [look()]
    with student.request_scope("outer"):
        seen.append(look())
        with student.request_scope("inner"):
            seen.append(look())
            with student.request_scope("inner"):
                seen.append(look())
            seen.append(look())
        seen.append(look())
        with student.request_scope(""):
            seen.append(look())
        seen.append(look())
    return [*seen, look()]


@kind("correctness")
def test_scopes_nest(submission: Submission) -> None:
    """Inside a scope in a scope its own id is seen, after it that of the outer one; any string is an id"""
    seen = submission.run(nested_scopes)
    due = [None, "outer", "inner", "inner", "inner", "outer", "", "outer", None]
    where = (
        "before all scopes",
        "in 'outer'",
        "in 'inner' in 'outer'",
        "in a second 'inner' in 'inner'",
        "back in the first 'inner'",
        "back in 'outer' after 'inner'",
        "in '' in 'outer'",
        "back in 'outer' after ''",
        "after all scopes",
    )
    for place, got, wanted in zip(where, seen, due, strict=True):
        expect(
            got == wanted,
            f"{place}: current_request() gave {got!r}; {wanted!r} was due.",
            idea="What was there before the block must be there after it. Where do you keep it meanwhile?",
        )


@scenario
def failing_scopes(student: Any) -> list[Any]:
    seen: list[Any] = []
    with student.request_scope("outer"):
        try:
            with student.request_scope("inner"):
                raise LookupError("no such page")
        except LookupError as error:
            seen += [str(error), student.current_request()]
        else:
            seen += ["no exception", student.current_request()]
    return [*seen, student.current_request()]


@kind("failure")
def test_scopes_end_when_the_block_raises(submission: Submission) -> None:
    """An exception in the block comes out of it, and the scope has ended"""
    error, outer, after = submission.run(failing_scopes)
    expect(
        error == "no such page",
        f"The block raised LookupError('no such page'); out of request_scope came: {error}.",
        idea="Ending a scope is not handling the error.",
    )
    expect(
        outer == "outer" and after is None,
        f"The block of 'inner' raised; then current_request() gave {outer!r} in 'outer' and {after!r} after it; "
        "'outer' and None were due.",
        idea="At the `yield` the exception of the block arrives. Which of your lines run then?",
    )


@scenario
def two_requests(student: Any) -> list[Any]:
    def handle(request: str) -> Any:
        def call() -> Any:
            with student.request_scope(request):
                pause()
                inside = student.current_request()
                pause()
            return [inside, student.current_request()]

        return call

    return at_once(handle("a"), handle("b"), names=("handler a", "handler b"))


@scenario
def started_in_a_scope(student: Any) -> list[Any]:
    with student.request_scope("main"):
        return [in_thread("new", student.current_request), student.current_request()]


@kind("schedules")
def test_each_thread_sees_its_own_request(explore: Explore) -> None:
    """Two threads serve a request each: each sees its own id; a thread that is started in a scope is in none"""
    for outcome in explore(two_requests, schedules=150, seconds=1.5):
        for name, (inside, after) in zip("ab", outcome, strict=True):
            expect(
                inside == name,
                f"In the scope '{name}' current_request() gave {inside!r}. Another thread was at work on a request of its own.",
                idea="Who can see the place where you keep the id?",
            )
            expect(
                after is None,
                f"After the scope '{name}' current_request() gave {after!r}; None was due. Another thread was at work on a "
                "request of its own.",
                idea="Who can see the place where you keep the id?",
            )
    for new, main in explore(started_in_a_scope, schedules=5):
        expect(
            new is None and main == "main",
            f"A thread was started in the scope 'main': current_request() gave {new!r} there, and {main!r} in the scope; "
            "None and 'main' were due.",
            idea="Each thread has its own scopes; a new one has none.",
        )


# -- what is left ------------------------------------------------------------------------------------------------------


@scenario
def a_day(student: Any, path: Path) -> list[Any]:
    server = Server()
    database = student.Database(server.connect)
    workers = [Worker(f"worker {n}") for n in range(6)]
    answers = [worker.ask(lambda: ask(database)) for worker in workers]
    for worker in workers[::2]:
        worker.end()
    database.close()
    left_open = server.left_open()
    for worker in workers[1::2]:
        worker.end()
    insert_fifty_each(student, path)
    return [answers, left_open]


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """After close(), with threads that have ended and threads that live, no connection is open; no thread and no file is left"""
    answers, left_open = submission.run(a_day, submission.folder / "visits.db")
    expect_connections(answers, [])
    expect(
        not left_open,
        f"Six threads had a connection each, three of them had ended; after close(), {len(left_open)} of 6 were open.",
        idea=WHO_IS_GONE,
    )
    submission.finish().expect_none()
