"""Evidence as a picture in text: who waits for whom, and how far a speed-up went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.render.screen import Screen, width, wrapped
from grader.text import visible

LOCK = "for a lock"
BAR, LEAST = 30, 10  # columns at most and at least
Wait = Mapping[str, Any]


def arrows(cycle: Any, screen: Screen, columns: int) -> list[str]:
    """A line for each thread that waits: `buyer 1 --waits for--> lock A (line 3) --held by--> buyer 2 (line 7)`.

    Empty where a line would be too long, or nobody waits for a lock that somebody holds.
    """
    waits = _sound_ones(cycle)
    if not any(_is_held(wait) for wait in waits):
        return []
    ring = _ring(waits)
    names = _letters(ring) if _is_alike(ring) else [wait["label"] or "a lock" for wait in ring or waits]
    return _arrows(ring or waits, names, screen, columns)


def in_short(cycle: Any, screen: Screen, columns: int) -> list[str]:
    """All that the message says of a ring of threads, in fewer lines; empty if there is no ring, or no room."""
    ring = _ring(_sound_ones(cycle))
    letters = _letters(ring)
    lines = _arrows(ring, letters, screen, columns)
    if not lines:
        return []
    names = [wait["thread"] for wait in ring]
    told = f"{', '.join(names[:-1])} and {names[-1]} wait for each other."
    # One and the same lock may have two names; the longer one says more.
    labels = {letter: max(wait["label"], wait["holder_label"], key=len) for letter, wait in zip(letters, ring, strict=True)}  # fmt: skip
    locks = [f"{letter}: {label}" for letter, label in sorted(labels.items()) if label]
    if width(", ".join(locks)) <= columns:
        locks = [", ".join(locks)]
    return [line for text in (told, *lines, *locks) for line in wrapped(visible(text, one_line=True), columns, "  ")]


def also_waiting(cycle: Any, message: str, columns: int) -> list[str]:
    """Those of whom the message does not speak."""
    others = [wait for wait in _sound_ones(cycle) if wait["thread"] not in message and wait["line"]]
    places = ", ".join(f"{wait['thread']} at line {wait['line']}" for wait in others)
    return wrapped(visible(f"Also waiting: {places}.", one_line=True), columns, "  ") if others else []


def _sound_ones(cycle: Any) -> list[Wait]:
    return [wait for wait in cycle if _sound(wait)] if isinstance(cycle, list) else []


def _sound(wait: Any) -> bool:
    texts = ("thread", "waits", "label", "holder", "holder_label")
    numbers = ("line", "holder_line")
    return (
        isinstance(wait, dict)
        and all(isinstance(wait.get(key), str) for key in texts)
        and all(isinstance(wait.get(key), int) for key in numbers)
    )


def _is_held(wait: Wait) -> bool:
    return bool(wait["waits"] == LOCK and wait["holder"])


def _ring(waits: Sequence[Wait]) -> list[Wait]:
    """Those who wait for locks of each other, in their order; empty if there is no such ring."""
    by_thread = {wait["thread"]: wait for wait in waits if _is_held(wait)}
    for start in by_thread:
        ring: list[Wait] = []
        thread = start
        while thread in by_thread and by_thread[thread] not in ring:
            ring.append(by_thread[thread])
            thread = by_thread[thread]["holder"]
        if thread == start and len(ring) > 1:
            return ring
    return []


def _is_alike(ring: Sequence[Wait]) -> bool:
    """Does the source call different locks of the ring by one name?"""
    labels = [wait["label"] for wait in ring]
    return len(set(labels)) < len(ring) or any(
        ring[number - 1]["holder_label"] == label for number, label in enumerate(labels)
    )


def _letters(ring: Sequence[Wait]) -> list[str]:
    """For what each one waits for, as in messages: the first one holds lock A."""
    return [f"lock {chr(ord('A') + (number + 1) % len(ring))}" for number in range(len(ring))]


def _arrows(waits: Sequence[Wait], locks: Sequence[str], screen: Screen, columns: int) -> list[str]:
    lines = [_arrow(wait, lock, screen, columns) for wait, lock in zip(waits, locks, strict=True)]
    return lines if all(lines) else []


def _arrow(wait: Wait, lock: str, screen: Screen, columns: int) -> str:
    """One line, without the holder's place if it is too long with it; "" if it is too long without, too."""
    place = f" (line {wait['line']})" if wait["line"] else ""
    since = f" (line {wait['holder_line']})" if wait["holder_line"] else ""
    if wait["waits"] != LOCK:
        because = f" ({wait['holder']})" if wait["holder"] else ""
        ways = [f"{wait['thread']} ──waits──▶ {wait['waits']}{place}{because}"]
    elif not wait["holder"]:
        ways = [f"{wait['thread']} ──waits for──▶ {lock}{place}"]
    else:
        line = f"{wait['thread']} ──waits for──▶ {lock}{place} ──held by──▶ {wait['holder']}"
        ways = [line + since, line]
    lines = [visible(screen.glyphs(way), one_line=True) for way in ways]
    return next((line for line in lines if width(line) <= columns), "")


def bar(evidence: Mapping[str, Any], columns: int) -> list[str]:
    """`you 1.10x [=====...|...] need 1.60x, machine 1.9 cores`; nothing where a number is missing or no room."""
    ratio, need, cores = (_number(evidence.get(key)) for key in ("ratio", "need", "effective_cores"))
    if not ratio or not need:
        return []
    # Where more is needed than there are cores, waiting is what must overlap, and the cores say nothing.
    machine = f", machine {cores:.1f} cores" if need <= cores else ""
    for after in (f"need {need:.2f}x{machine}", f"need {need:.2f}x"):
        before = f"you {ratio:.2f}x"
        room = min(BAR, columns - len(before) - len(after) - 4)
        if room >= LEAST:
            done, wanted = (min(room, round(room * number / max(need, cores))) for number in (ratio, need))
            line = "".join("|" if at == wanted else "=" if at < done else "." for at in range(room))
            return [f"{before} [{line}] {after}"]
    return []


def _number(value: Any) -> float:
    """0 for whatever is no sensible number."""
    return float(value) if isinstance(value, int | float) and 0 < value < 1e6 else 0.0
