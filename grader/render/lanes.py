"""From the steps of a schedule to lanes, and from waits to a graph: what is drawn where, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grader.render.schedule import changes, names

FOR_EVER = 4  # steps that the picture goes on after its end where somebody waits and nobody comes
MAINS = (
    "main",
    "scenario",
)  # the scenario's own thread or task; what it does before the others begin is only preparation
Evidence = Mapping[str, Any]


@dataclass(frozen=True)
class Moment:
    """One step: the line that a thread is about to run, and what it sees then. `changes`: new or changed variables."""

    lane: int
    file: str
    line: int
    function: str
    source: str
    changes: tuple[tuple[str, str], ...]
    holds: tuple[str, ...]
    waits: str


@dataclass(frozen=True)
class Span:
    """Something that lasts in one lane, from step `first` up to and with step `last`. `row`: how far below the lane's box."""

    lane: int
    first: int
    last: int
    label: str = ""
    row: int = 0


@dataclass(frozen=True)
class Lanes:
    """A schedule as a picture. Steps are counted from 0; `before` are those of `main` before the others begin."""

    threads: tuple[str, ...]
    main: str
    before: tuple[Moment, ...]
    moments: tuple[Moment, ...]
    stretches: tuple[Span, ...]  # who runs when
    holds: tuple[Span, ...]  # which lock is held when; `row` 0 is the outermost
    waits: tuple[Span, ...]  # when a thread cannot go on
    failing: int
    length: int  # steps, and more where somebody waits for ever

    def held(self, step: int) -> list[str]:
        """Who holds what while this step runs, as sentences without a full stop."""
        now = [span for span in self.holds if span.first <= step <= span.last]
        return [f"{self.threads[span.lane]} holds {span.label}" for span in now]

    def rows(self, lane: int) -> int:
        """How many locks this lane holds at once at most."""
        return max((span.row + 1 for span in self.holds if span.lane == lane), default=0)


def lanes(evidence: Evidence, file: str | None = None, line: int | None = None) -> Lanes:
    """The lanes of a schedule or a deadlock. `file` and `line`: where the check says that it failed, if it does."""
    steps = steps_of(evidence)
    threads = names(steps)
    known: dict[tuple[str, str], str] = {}
    every = [_moment(step, threads.index(step["thread"]), known) for step in steps]
    main = threads[0] if threads else ""
    count = _before(every, threads)
    before, moments = every[:count], every[count:]
    used = sorted({m.lane for m in moments})  # a main thread that only prepares needs no lane
    moments = [replace(m, lane=used.index(m.lane)) for m in moments]
    threads = [threads[lane] for lane in used]
    stretches = tuple(_stretches(moments))
    at_last = _last_waits(evidence, threads, moments)
    length = len(moments) + (FOR_EVER if at_last else 0)
    return Lanes(
        tuple(threads), main, tuple(before), tuple(moments), stretches, tuple(_holds(moments, set(at_last), length)),
        tuple(_waits(moments, stretches, at_last, length)), _failing(moments, file, line), length,
    )  # fmt: skip


def steps_of(evidence: Evidence) -> list[dict[str, Any]]:
    """The steps of an evidence, with all that a step may have, also those of reports that say less."""
    return [_complete(step) for step in evidence.get("steps") or ()]


def _complete(step: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: str(step.get(key, "")) for key in ("thread", "file", "function", "source", "waits")}
    state = {str(name): str(value) for name, value in (step.get("state") or {}).items()}
    return {
        **texts,
        "line": int(step.get("line") or 0),
        "state": state,
        "holds": tuple(map(str, step.get("holds") or ())),
    }


def _moment(step: dict[str, Any], lane: int, known: dict[tuple[str, str], str]) -> Moment:
    return Moment(
        lane, step["file"], step["line"], step["function"], step["source"], tuple(changes(step, known)), step["holds"],
        step["waits"],
    )  # fmt: skip


def _before(moments: Sequence[Moment], threads: Sequence[str]) -> int:
    if len(threads) < 2 or threads[0] not in MAINS:
        return 0
    return next(number for number, moment in enumerate(moments) if moment.lane != 0)


def _stretches(moments: Sequence[Moment]) -> Iterator[Span]:
    first = 0
    for number in range(1, len(moments) + 1):
        if number == len(moments) or moments[number].lane != moments[first].lane:
            yield Span(moments[first].lane, first, number - 1)
            first = number


def _holds(moments: Sequence[Moment], stuck: set[int], length: int) -> Iterator[Span]:
    """A lock is held until its thread is next seen without it; by one that waits for ever, for ever."""
    for lane in sorted({m.lane for m in moments}):
        own = [number for number, moment in enumerate(moments) if moment.lane == lane]
        begun: dict[tuple[int, str], int] = {}
        for number in own:
            now = list(enumerate(moments[number].holds))
            for row, label in [key for key in begun if key not in now]:
                yield Span(lane, begun.pop((row, label)), number - 1, label, row)
            for key in now:
                begun.setdefault(key, number)
        end = length - 1 if lane in stuck else own[-1]
        for (row, label), first in begun.items():
            yield Span(lane, first, end, label, row)


def _waits(
    moments: Sequence[Moment], stretches: Sequence[Span], at_last: Mapping[int, str], length: int
) -> Iterator[Span]:
    for place, stretch in enumerate(stretches):
        following = next((s.first for s in stretches[place + 1 :] if s.lane == stretch.lane), None)
        label = moments[stretch.last].waits if following is not None else at_last.get(stretch.lane, "")
        if label:
            yield Span(stretch.lane, stretch.last + 1, (length if following is None else following) - 1, label)


def _last_waits(evidence: Evidence, threads: Sequence[str], moments: Sequence[Moment]) -> dict[int, str]:
    """What each lane waits for at the end: its last step tells, or else the cycle of a deadlock."""
    edges = graph(evidence.get("cycle") or ()).edges
    last = {moment.lane: moment.waits for moment in moments}
    cycle = {threads.index(edge.waiter): edge.wants for edge in edges if edge.waiter in threads}
    return {lane: label for lane in last if (label := last[lane] or cycle.get(lane, ""))}


def _failing(moments: Sequence[Moment], file: str | None, line: int | None) -> int:
    there = [number for number, moment in enumerate(moments) if (moment.file, moment.line) == (file, line)]
    return there[-1] if there else len(moments) - 1


@dataclass(frozen=True)
class Edge:
    """`waiter` wants something that `holder` has. `note`: what else is known of the holder, such as that it has ended."""

    waiter: str
    holder: str
    wants: str
    line: int
    source: str
    held_since: int
    note: str


@dataclass(frozen=True)
class Graph:
    """Who waits for whom. A holder "" is somebody whom nobody can name."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]


def graph(waits: Sequence[Mapping[str, Any]]) -> Graph:
    """The wait-for graph of a deadlock's `cycle`, or of the `waits` of a hang."""
    edges = tuple(_edge(wait) for wait in waits)
    waiters = [edge.waiter for edge in edges]
    return Graph(tuple(dict.fromkeys(waiters + [edge.holder for edge in edges])), edges)


def _edge(wait: Mapping[str, Any]) -> Edge:
    waiter, what = str(wait.get("thread", wait.get("actor", "?"))), str(wait.get("waits", wait.get("what", "")))
    holder, _, note = str(wait.get("holder") or "").partition(" (")
    note = note.removesuffix(")")
    if note.startswith("itself"):
        holder = holder or waiter
    if holder and not _is_name(holder):
        holder, note = "", str(wait["holder"])
    wants = str(wait.get("label") or "") or what.removeprefix("for ")
    return Edge(
        waiter, holder, wants, int(wait.get("line") or 0), str(wait.get("source", "")),
        int(wait.get("holder_line") or 0), note,
    )  # fmt: skip


def _is_name(holder: str) -> bool:
    """Of a barrier or a future the holder is a sentence."""
    return len(holder.split()) <= 3


def sentence(edge: Edge) -> str:
    """One edge in words."""
    where = f" at line {edge.line}" if edge.line else ""
    if not edge.holder:
        return f"{edge.waiter} waits for {edge.wants}{where}" + (f" ({edge.note})." if edge.note else ".")
    since = f" since line {edge.held_since}" if edge.held_since else ""
    note = f" ({edge.note})" if edge.note else ""
    return f"{edge.waiter} waits for {edge.wants}{where}; {edge.holder}{note} has it{since}."


def in_words(picture: Lanes) -> str:
    """What the lanes show, for those who do not see them."""
    said = []
    for stretch in picture.stretches:
        name = picture.threads[stretch.lane]
        numbers = list(dict.fromkeys(m.line for m in picture.moments[stretch.first : stretch.last + 1]))
        which = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(map(str, numbers[:12]))}"
        wait = next((w for w in picture.waits if w.lane == stretch.lane and w.first == stretch.last + 1), None)
        held = sorted(
            {
                h.label
                for h in picture.holds
                if h.lane == stretch.lane and h.first <= stretch.last and h.last >= stretch.first
            }
        )
        said.append(
            f"{name} runs {which}"
            + (f" and holds {' and '.join(held)}" if held else "")
            + (f", then waits for {wait.label}" if wait else "")
            + "."
        )
    if picture.moments:
        last = picture.moments[picture.failing]
        said.append(f"It goes wrong at step {picture.failing + 1}: {picture.threads[last.lane]}, line {last.line}.")
    return " ".join(said)
