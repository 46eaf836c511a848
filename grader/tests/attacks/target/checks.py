"""One check for each way in which a submission and the judge meet."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import Any

from grader.explore import together
from grader.judge import Explore, Mirror, Rendezvouses, Submission, expect, kind, scenario

EXERCISE = "relay"


def test_sum(submission: Submission, rng: random.Random) -> None:
    """A plain call"""
    a, b = rng.randrange(1, 1 << 40), rng.randrange(1, 1 << 40)
    got = submission.add(a, b)
    expect(got == a + b, f"add({a}, {b}) gave {got}.")


def test_again(submission: Submission, rng: random.Random) -> None:
    """The same in the next process, after whatever the one before did"""
    a, b = rng.randrange(1, 1 << 40), rng.randrange(1, 1 << 40)
    got = submission.add(a, b)
    expect(got == a + b, f"add({a}, {b}) gave {got}.")


def test_callback(submission: Submission, rng: random.Random) -> None:
    """A function of the judge, whose replies nobody can know before"""
    tokens = {f"key {i}": f"{rng.getrandbits(64):x}" for i in range(4)}
    asked: list[Any] = []

    def fetch(key: str) -> str:
        asked.append(key)
        return tokens[key]

    got = submission.relay(fetch, list(tokens))
    expect(got == list(tokens.values()), f"relay gave {got}.")
    expect(asked == list(tokens), f"relay asked for {asked}.")


@kind("bounds")
def test_rendezvous(submission: Submission, rendezvous: Rendezvouses) -> None:
    """Three at once"""
    room = rendezvous(3, 0.5)
    submission.meet(room.enter, ["a", "b", "c"])
    expect(room.met, f"{room.most} of 3 guests were there at once.")


@kind("bounds")
def test_mirror(submission: Submission, mirror: Mirror, rng: random.Random) -> None:
    """Three downloads on their way at once"""
    gate = mirror.gate(3, 0.5)
    bodies = [rng.randbytes(8) for _ in range(3)]
    urls = [mirror.serve(f"/{i}", body, hold=gate) for i, body in enumerate(bodies)]
    got = submission.download(urls)
    expect(got == bodies, f"download gave {got}.")
    expect(gate.met, f"{gate.most} of 3 downloads were on their way at once.")


@scenario
def take_twice(module: Any) -> list[bool]:
    counter = module.Counter()
    return sorted(together(counter.take, counter.take))


@kind("schedules")
def test_threads(submission: Submission, explore: Explore) -> None:
    """Two threads, one piece"""
    for outcome in explore(take_twice, schedules=40):
        expect(outcome == [False, True], f"two takers of one piece got {outcome}.")


@scenario
async def take_twice_in_tasks(module: Any) -> list[bool]:
    desk = module.Desk()
    return sorted(await asyncio.gather(desk.take(), desk.take()))


@kind("schedules")
def test_tasks(submission: Submission, explore: Explore) -> None:
    """Two tasks, one piece"""
    for outcome in explore.tasks(take_twice_in_tasks, schedules=20):
        expect(outcome == [False, True], f"two takers of one piece got {outcome}.")


@kind("hygiene")
def test_leaks(submission: Submission) -> None:
    """Nothing is left behind"""
    submission.work()
    submission.finish().expect_none()


@kind("bounds")
def test_time(submission: Submission) -> None:
    """Eight waits of 0.3 s take less than 1.5 s, and the judge's clock says so"""
    waits: list[int] = []
    lock = threading.Lock()

    def pause(number: int) -> int:
        time.sleep(0.3)
        with lock:
            waits.append(number)
        return number * 7

    got = submission.timed("nap", pause, 8)
    expect(got == [i * 7 for i in range(8)] and sorted(waits) == list(range(8)), f"nap gave {got}.")
    expect(submission.elapsed < 1.5, f"eight waits at once took {submission.elapsed:.2f} s.")
