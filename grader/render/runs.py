"""From measured runs to layout: a timeline as lanes of bars, a speed-up as dots. Plain data, no drawing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.measure.rule import MIN_SHARE, Trial

MATCH = 0.011  # two decimals stand in the evidence


@dataclass(frozen=True)
class Bar:
    """Something that lasted, in seconds. `result`: how it ended, "" if nobody says. `row`: within its group."""

    name: str
    begin: float
    end: float
    row: int
    result: str = ""

    @property
    def went_well(self) -> bool:
        return not self.result or self.result[:1] in ("1", "2", "3") or self.result == "ok"


@dataclass(frozen=True)
class Group:
    """Bars that belong together; those that overlap lie in different rows."""

    title: str
    bars: tuple[Bar, ...]

    @property
    def rows(self) -> int:
        """As many as there were at once at most: a row that is free is used again."""
        return max(bar.row for bar in self.bars) + 1


@dataclass(frozen=True)
class Process:
    """`cores`: (second, cores used since the look before)."""

    name: str
    begin: float
    end: float
    cores: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Timeline:
    seconds: float
    groups: tuple[Group, ...]  # the mirror's requests first, then calls by their callers
    processes: tuple[Process, ...]


def timeline(found: Mapping[str, Any]) -> Timeline:
    """The layout of an evidence's `timeline`."""
    groups = []
    if requests := found.get("requests"):
        groups.append(group("Requests", requests))
    calls: dict[str, list[Mapping[str, Any]]] = {}
    for call in found.get("calls") or ():
        calls.setdefault(str(call.get("by") or ""), []).append(call)
    groups += [group(f"{by} calls" if by else "Calls", these) for by, these in calls.items()]
    processes = tuple(_process(entry) for entry in found.get("processes") or ())
    ends = [bar.end for one in groups for bar in one.bars] + [p.end for p in processes]
    return Timeline(max(_number(found.get("seconds")), *ends, 1e-6), tuple(groups), processes)


def group(title: str, entries: Iterable[Mapping[str, Any]]) -> Group:
    """The entries as bars, each in the first row that is free when it begins."""
    free: list[float] = []
    bars = []
    for entry in sorted(entries, key=lambda e: _number(e.get("from"))):
        begin, end = _number(entry.get("from")), _number(entry.get("to"))
        row = next((number for number, until in enumerate(free) if until <= begin), len(free))
        free[row : row + 1] = [max(begin, end)]
        bars.append(Bar(str(entry.get("name", "")), begin, max(begin, end), row, str(entry.get("result") or "")))
    return Group(title, tuple(bars))


def _process(entry: Mapping[str, Any]) -> Process:
    looks = tuple((_number(look[0]), _number(look[1])) for look in entry.get("cpu") or () if len(look) == 2)
    begin, end = _number(entry.get("from")), _number(entry.get("to"))
    return Process(str(entry.get("name", "")), begin, max(begin, end, *(second for second, _ in looks), 0.0), looks)


def _number(value: Any) -> float:
    return max(float(value), 0.0) if isinstance(value, int | float) and math.isfinite(value) else 0.0


@dataclass(frozen=True)
class Dot:
    """One trial: how many times as fast it was, whether it counted, and what the machine gave."""

    ratio: float
    counted: bool
    cores: float
    busy: float
    seconds: float
    baseline: float


@dataclass(frozen=True)
class Dots:
    """`ratio` is the median of what counted; 0 (and `need` 0) if nothing could be concluded."""

    dots: tuple[Dot, ...]
    ratio: float
    need: float
    cores: float
    busy: float


def dots(evidence: Mapping[str, Any]) -> Dots:
    """The layout of `timing` evidence."""
    trials = [_trial(entry) for entry in evidence.get("trials") or ()]
    ratio, need = _number(evidence.get("ratio")), _number(evidence.get("need"))
    counted = _counted(trials, ratio, need)
    return Dots(
        tuple(
            Dot(t.ratio, counts, t.cores, t.cpu / t.attempt, t.attempt, (t.before + t.after) / 2)
            for t, counts in zip(trials, counted, strict=True)
        ),
        ratio, need, _number(evidence.get("effective_cores")), _number(evidence.get("cpu")),
    )  # fmt: skip


def _trial(entry: Mapping[str, Any]) -> Trial:
    seconds = {name: _number(entry.get(name)) for name in ("before", "after", "cores_before", "cores_after", "cpu")}
    attempt = _number(entry.get("attempt")) or _number(entry.get("seconds")) or 1e-6
    return Trial(**seconds, attempt=attempt, workers=int(_number(entry.get("workers"))))


def _counted(trials: Sequence[Trial], ratio: float, need: float) -> list[bool]:
    """Which trials counted. The evidence does not say by which rule; the one whose median is the result was it."""
    by_cores = [t.valid for t in trials]
    by_latency = [t.ratio >= need or (t.steady and t.cores >= MIN_SHARE * min(t.workers, 2)) for t in trials]
    for counted in (by_cores, by_latency):
        kept = [t.ratio for t, counts in zip(trials, counted, strict=True) if counts]
        if kept and abs(statistics.median(kept) - ratio) < MATCH:
            return counted
    return by_cores
