"""Why a deadlock happened, in one or two sentences, from who waits for whom."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.explore.results import Wait

ENDED, ITSELF = " (which has ended)", " (itself)"
POOLED = re.compile(r".+_\d+")  # concurrent.futures names its threads after the pool, with a number
LEFT = " (itself, in a function that has ended)"


def of_deadlock(waits: Sequence[Wait]) -> str:
    """The most telling cause; never empty."""
    for find in (_itself, _cycle, _ended, _starved, _unnotified, _unfed, _unjoined, _incomplete):
        if text := find(waits):
            return text
    return "; ".join(sentence(wait) for wait in waits) or "Nobody can go on."


def of_race(taken: Sequence[tuple[str, int, int | None]], actors: Sequence[str]) -> str:
    """What the locks that were taken (by whom, which, at which line) say about a race: none at all, or no common one.

    No line: a lock of the standard library's own, inside an Event, a Barrier or a queue.
    """
    lines = {actor: {lock: line for who, lock, line in taken if who == actor} for actor in actors}
    if len(lines) < 2 or set.intersection(*(set(locks) for locks in lines.values())):
        return ""
    without = [name for name, locks in lines.items() if not locks]
    if len(without) == len(lines):
        return "No lock was held."
    if without:
        return f"{' and '.join(without)} held no lock."
    own = {name: [line for line in locks.values() if line is not None] for name, locks in lines.items()}
    if not all(own.values()):
        return ""
    where = "; ".join(f"{name} at line {min(numbers)}" for name, numbers in own.items())
    return f"They held different locks, which do not exclude each other ({where})."


def sentence(wait: Wait) -> str:
    """One wait: who, for what, where, and who holds it."""
    what = f"for {wait.label}" if wait.label and wait.what == "for a lock" else wait.what
    held = ""
    if wait.holder:
        since = f" since line {wait.holder_line}" if wait.holder_line else ""
        held = f", held by {wait.holder}{since}" if wait.what == "for a lock" else f" ({wait.holder})"
    place = f" at line {wait.line}" if wait.line else ""
    return f"{wait.actor} waits {what}{place}{held}"


def _itself(waits: Sequence[Wait]) -> str:
    for wait in waits:
        lock = wait.label or "the lock"
        if wait.holder.endswith(LEFT):
            return (
                f"{wait.actor} took {lock} at line {wait.holder_line} in a function that ended without releasing it, "
                f"and asks for it again at line {wait.line}."
            )
        if wait.holder.endswith(ITSELF):
            return (
                f"{wait.actor} holds {lock} since line {wait.holder_line} and asks for it again at line {wait.line}: "
                "a Lock cannot be taken twice, not even by the thread that holds it."
            )
    return ""


def _cycle(waits: Sequence[Wait]) -> str:
    """Threads that wait for locks of each other, in a ring."""
    by_actor = {wait.actor: wait for wait in waits if wait.what == "for a lock" and wait.holder}
    for start in by_actor:
        ring, actor = [], start
        while actor in by_actor and actor not in ring:
            ring.append(actor)
            actor = by_actor[actor].holder
        if actor == start and len(ring) > 1:
            labels = [by_actor[name].label for name in ring]
            alike = len(set(labels)) < len(ring) or any(
                by_actor[ring[number - 1]].holder_label == label for number, label in enumerate(labels)
            )
            parts = []
            for number, name in enumerate(ring):
                # What an actor holds is what its predecessor in the ring waits for.
                mine, before = by_actor[name], by_actor[ring[number - 1]]
                held, wanted = before.holder_label or "a lock", mine.label or "another lock"
                if alike:
                    held, wanted = _lettered(number, held), _lettered((number + 1) % len(ring), wanted)
                since = f" since line {before.holder_line}" if before.holder_line else ""
                parts.append(f"{name} holds {held}{since} and waits for {wanted} at line {mine.line}")
            return "; ".join(parts) + "."
    return ""


def _lettered(number: int, label: str) -> str:
    """For different locks that the source calls by the same name."""
    letter = chr(ord("A") + number)
    return f"lock {letter}" if label in ("lock", "a lock", "another lock") else f"lock {letter} ({label})"


def _ended(waits: Sequence[Wait]) -> str:
    for wait in waits:
        if wait.holder.endswith(ENDED):
            lock = wait.label or "a lock"
            who = wait.holder.removesuffix(ENDED)
            since = f" at line {wait.holder_line}" if wait.holder_line else ""
            return f"{wait.actor} waits for {lock} at line {wait.line}; {who} took it{since} and ended without releasing it."
    return ""


def _starved(waits: Sequence[Wait]) -> str:
    hopeful = [w for w in waits if w.what == "for the result of a future" and w.line]
    # Who closes the pool or joins the others waits for them; who waits for a job and shows no line of the program is free.
    others = [
        w
        for w in waits
        if w not in hopeful and w.what not in ("for the executor's workers to end", "for a thread to end")
    ]
    if not hopeful or others:
        return ""
    lines = ", ".join(map(str, sorted({w.line for w in hopeful})))
    if any(POOLED.fullmatch(w.actor) for w in hopeful):
        return (
            f"Every worker of the pool waits for a result (line {lines}) of a job "
            "that itself needs a worker: no worker is left to run it."
        )
    if len(hopeful) > 1:
        names = " and ".join(w.actor for w in hopeful)
        return f"{names} wait for the result of a future (line {lines}), and nobody is left who gives it one."
    return ""


def _unnotified(waits: Sequence[Wait]) -> str:
    for wait in waits:
        if wait.what in ("to be notified", "for an event to be set"):
            return (
                f"{wait.actor} waits {wait.what} at line {wait.line}, and nobody is left to do it: "
                "the signal came before the wait, went to another waiter, or was never sent."
            )
    return ""


def _unfed(waits: Sequence[Wait]) -> str:
    hungry = [w for w in waits if w.what == "for an item in a queue"]
    if hungry and len(hungry) == len([w for w in waits if w.what != "for a thread to end"]):
        names = " and ".join(w.actor for w in hungry)
        verb = "waits" if len(hungry) == 1 else "wait"
        return f"{names} {verb} for an item in a queue at line {hungry[0].line}, and nobody is left who puts one."
    return ""


def _incomplete(waits: Sequence[Wait]) -> str:
    met = [w for w in waits if w.what == "at a barrier" and w.holder]
    if not met:
        return ""
    verb = "waits" if len(met) == 1 else "wait"
    line = max(w.line for w in met)
    place = f" at line {line}" if line else ""
    return f"{' and '.join(w.actor for w in met)} {verb} at a barrier{place}: {met[0].holder}."


def _unjoined(waits: Sequence[Wait]) -> str:
    for wait in waits:
        if wait.what == "for task_done() of every item":
            return (
                f"{wait.actor} waits in join() at line {wait.line} until task_done() was called for every item, "
                "and some item was taken from the queue without it."
            )
    return ""
