"""What really happened during a call of a check: requests, calls of the judge's functions, processes. On the judge's clock.

All of it is seen from outside the submission: by the judge's server, by its functions, in the kernel's accounts. Whoever
makes a million calls fills no memory: the first ones are kept, the others counted.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MOST_SPANS = 200  # requests, and as many calls
MOST_PROCESSES = 40
MOST_LOOKS = 200  # at one process; when there are more, every other one goes
SHORTEST = 0.05  # seconds between two looks that are compared; the kernel counts in ticks of 10 ms
LONGEST_NAME = 100
PROGRAM = "your program"


class Use(NamedTuple):
    """What a process uses: resident bytes; its CPU seconds; those of its children that have ended; seconds since its start.

    None: this platform does not tell it cheaply.
    """

    resident: int
    cpu: float | None = None
    cpu_of_children: float = 0.0
    age: float | None = None


@dataclass
class Life:
    """A process, from its start to when it was seen last. `looks`: when, and its CPU seconds by then."""

    name: str
    began: float
    seen: float
    looks: list[tuple[float, float]] = field(default_factory=list)

    def look(self, now: float, cpu: float) -> None:
        if self.looks and now - self.looks[-1][0] < SHORTEST:
            if len(self.looks) == 1:
                return
            self.looks.pop()
        if len(self.looks) > MOST_LOOKS:
            del self.looks[1::2]
        self.looks.append((now, cpu))

    def cores(self) -> list[tuple[float, float]]:
        """When, and how many cores it used since the look before."""
        return [(at, (cpu - was) / (at - before)) for (before, was), (at, cpu) in itertools.pairwise(self.looks)]


@dataclass
class Span:
    """A request or a call; of a call also who made it (None: unknown), on which of its connections to the judge."""

    name: str
    began: float
    caller: Life | None = None
    line: int = 0
    ended: float | None = None
    result: str = "open"


class Timeline:
    """Of the last call: each begins a new one. Any thread may tell it something; what comes between calls is not kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.name_of: Callable[[int], str] = lambda pid: (
            ""
        )  # of a process that is seen for the first time; "": a number
        self._lock = threading.Lock()
        self._open = False
        self._clear()

    def _clear(self) -> None:
        self._began = self._ended = self._looked = self._clock()
        self._spans: dict[str, list[Span]] = {"requests": [], "calls": []}
        self._lives: list[Life] = []
        self._living: dict[int, Life] = {}
        self._pids: frozenset[int] | None = None  # at the last look
        self._left_out: dict[str, int] = {}

    def begin(self, uses: Mapping[int, Use] | None = None) -> None:
        """`uses`: of all processes that live now, if that is known."""
        with self._lock:
            self._clear()
            self._open = True
        if uses is not None:
            self.look(uses)

    def end(self, answered: float | None = None) -> None:
        """Now; or at that moment of the clock, at which the submission's process answered, and so lived."""
        with self._lock:
            self._open, self._ended = False, self._clock() if answered is None else answered
            for life in self._living.values():
                if answered is not None and life.name == PROGRAM:
                    life.seen = answered

    # -- what is seen -------------------------------------------------------------------------------------------------

    def request(self, name: str) -> Span | None:
        return self._span("requests", lambda: name, 0, 0)

    def call(self, name: Callable[[], str], pid: int = 0, line: int = 0) -> Span | None:
        """`name` is asked for only if the call is kept."""
        return self._span("calls", name, pid, line)

    def close(self, span: Span | None, result: str = "", at: float | None = None) -> None:
        """The request or call has ended: now, or at that moment of the clock."""
        if span is not None:
            span.result, span.ended = result, self._clock() if at is None else at

    def look(self, uses: Mapping[int, Use]) -> None:
        """All processes of the submission that live now."""
        now = self._clock()
        with self._lock:
            if not self._open:
                return
            for pid in [pid for pid in self._living if pid not in uses]:
                del self._living[pid]
            for pid, use in uses.items():
                life = self._life(pid, self._start(now, use.age))
                if life is not None:
                    life.seen = now
                    if use.cpu is not None:
                        if not life.looks and use.age is not None and life.began > self._began:
                            life.looks.append((life.began, 0.0))  # it was born in this call, and had used nothing
                        life.look(now, use.cpu)
            self._looked, self._pids = now, frozenset(uses)

    def _start(self, now: float, age: float | None) -> float:
        """When a process began that was not there at the look before."""
        if age is None:
            return self._began if self._pids is None else now
        return min(now, max(self._looked, now - age))

    def _life(self, pid: int, began: float) -> Life | None:
        if pid in self._living:
            life = self._living[pid]
            life.began = min(life.began, began)
            return life
        if len(self._lives) >= MOST_PROCESSES:
            if pid not in (self._pids or ()):
                self._left_out["processes"] = self._left_out.get("processes", 0) + 1
            return None
        number = 2 + sum(other.name.startswith("process ") for other in self._lives)
        life = self._living[pid] = Life(self.name_of(pid)[:LONGEST_NAME] or f"process {number}", began, began)
        self._lives.append(life)
        return life

    def _span(self, kind: str, name: Callable[[], str], pid: int, line: int) -> Span | None:
        now = self._clock()
        with self._lock:
            if not self._open:
                return None
            if len(self._spans[kind]) >= MOST_SPANS:
                self._left_out[kind] = self._left_out.get(kind, 0) + 1
                return None
            caller = self._life(pid, now) if pid else None
            span = Span(name()[:LONGEST_NAME], now, caller, line)
            self._spans[kind].append(span)
            return span

    # -- what is told -------------------------------------------------------------------------------------------------

    def evidence(self) -> dict[str, Any] | None:
        """In the form of the report; None if nothing was seen. One process that did nothing worth a look is nothing."""
        with self._lock:
            end = self._clock() if self._open else self._ended
            requests = [
                {"name": span.name, **self._times(span, end), "result": span.result} for span in self._spans["requests"]
            ]
            calls = [
                {"name": span.name, "by": by, **self._times(span, end)}
                for span, by in zip(self._spans["calls"], self._callers(), strict=True)
            ]
            processes = [self._told(life, end) for life in self._lives]
            if len(processes) == 1 and "cpu" not in processes[0]:
                processes = []
            lists = {"requests": requests, "calls": calls, "processes": processes}
            told = {name: sorted(found, key=lambda span: span["from"]) for name, found in lists.items() if found}
            if not told:
                return None
            last = max(span["to"] for found in told.values() for span in found)
            left_out = {f"{name}_left_out": number for name, number in self._left_out.items() if name in told}
            return {"seconds": max(self._at(end), last), **told, **left_out}

    def _at(self, moment: float) -> float:
        return round(max(0.0, moment - self._began), 3)

    def _times(self, span: Span, end: float) -> dict[str, float]:
        return {"from": self._at(span.began), "to": self._at(end if span.ended is None else span.ended)}

    def _told(self, life: Life, end: float) -> dict[str, Any]:
        """Ticks of 10 ms: more digits would be invented. The last look may have come just after the end of the call."""

        def moment(at: float) -> float:
            return round(self._at(min(at, end)), 2)

        times = {"from": moment(life.began), "to": moment(life.seen)}
        cores = [[moment(at), round(used, 1)] for at, used in life.cores()]
        return {"name": life.name, **times, **({"cpu": cores} if cores else {})}

    def _callers(self) -> list[str]:
        """Who made each call. Each thread of each process has a connection of its own."""
        lines: list[int] = []
        names = []
        for span in self._spans["calls"]:
            if span.caller is not None and span.caller.name == PROGRAM:
                lines += [span.line] * (span.line not in lines)
                names.append(f"thread {lines.index(span.line) + 1}")
            else:
                names.append(span.caller.name if span.caller is not None else "")
        return names
