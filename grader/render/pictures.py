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

    Empty where a line would be too long.
    """
    waits = _sound_ones(cycle)
    ring = _ring(waits)
    names = _letters(ring) or [wait["label"] or "a lock" for wait in ring or waits]
    lines = [_arrow(wait, name, screen, columns) for wait, name in zip(ring or waits, names, strict=True)]
    return lines if all(lines) else []


def ring_in_short(cycle: Any, screen: Screen, columns: int) -> list[str]:
    """All that the message says of a ring of threads, in fewer lines; empty if there is no ring, or no room."""
    ring, lines = _ring(_sound_ones(cycle)), arrows(cycle, screen, columns)
    if not ring or not lines:
        return []
    names = [wait["thread"] for wait in ring]
    letters = _letters(ring)
    locks = [f"{letter}: {wait['label']}" for letter, wait in sorted(zip(letters, ring, strict=False)) if wait["label"]]
    told = f"{', '.join(names[:-1])} and {names[-1]} wait for each other."
    return [line for text in (told, *lines, ", ".join(locks)) for line in wrapped(visible(text), columns, "  ")]


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


def _ring(waits: Sequence[Wait]) -> list[Wait]:
    """Those who wait for locks of each other, in their order; empty if there is no such ring."""
    by_thread = {wait["thread"]: wait for wait in waits if wait["waits"] == LOCK and wait["holder"]}
    for start in by_thread:
        ring: list[Wait] = []
        thread = start
        while thread in by_thread and by_thread[thread] not in ring:
            ring.append(by_thread[thread])
            thread = by_thread[thread]["holder"]
        if thread == start and len(ring) > 1:
            return ring
    return []


def _letters(ring: Sequence[Wait]) -> list[str]:
    """Letters for what each one waits for, as the message has them, if the source calls different locks by one name."""
    labels = [wait["label"] for wait in ring]
    alike = len(set(labels)) < len(ring) or any(
        ring[number - 1]["holder_label"] == label for number, label in enumerate(labels)
    )
    return [f"lock {chr(ord('A') + (number + 1) % len(ring))}" for number in range(len(ring))] if alike else []


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
