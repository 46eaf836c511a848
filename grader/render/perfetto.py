"""A report in the trace event format, for the viewers of Perfetto and of Chromium (chrome://tracing).

A check with something to show is a process there, its threads, tasks and requests are the tracks. A step of a schedule takes
a millisecond, for it has no time of its own; measured runs keep their seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grader.render import lanes, runs
from grader.render.lanes import Edge, Lanes
from grader.render.runs import Timeline
from grader.text import harmless
from grader.verdict import CheckResult, Report

Event = dict[str, Any]
STEP = 1000.0  # microseconds
SECOND = 1_000_000.0
MOST_LOCKS = 50  # tracks between those of two threads, for the locks that the first one holds


def trace(report: Report) -> str:
    """The report's schedules, timelines and trials as JSON."""
    events: list[Event] = []
    pid = 0
    for exercise in report.exercises:
        for check in exercise.checks:
            found = list(_check(check, pid + 1))
            if found:
                pid += 1
                events += [_named("process_name", pid, 0, f"{exercise.name}: {check.title}"), *found]
    data = {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "created": report.created,
            "seed": str(report.seed),
            "step": "a step of a schedule is drawn as 1 ms",
        },
    }
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, indent=0)
    return text.replace("##", "#\\u0023") + "\n"  # the same text; but CI systems obey `##[...]` in what is printed


def _check(check: CheckResult, pid: int) -> Iterator[Event]:
    evidence = check.evidence or {}
    if evidence.get("steps"):
        picture = lanes.lanes(evidence, check.file, check.line)
        yield from _schedule(picture, pid)
        yield _failure(check, picture, lanes.graph(evidence.get("cycle") or ()).edges, pid)
    if found := evidence.get("timeline"):
        yield from _timeline(runs.timeline(found), pid)
    if evidence.get("trials"):
        yield from _trials(evidence, pid)


@dataclass(frozen=True)
class Track:
    pid: int
    tid: int

    def slice(self, name: str, begin: float, end: float, **more: Any) -> Event:
        return self._event("X", name, begin, dur=round(max(end - begin, 0.0), 3), args=_texts(more))

    def instant(self, name: str, at: float, **more: Any) -> Event:
        return self._event("i", name, at, s="p", args=_texts(more))

    def flow(self, phase: str, number: int, at: float) -> Event:
        return self._event(phase, "switch", at, cat="switch", id=number, **({"bp": "e"} if phase == "f" else {}))

    def _event(self, phase: str, name: str, at: float, **more: Any) -> Event:
        return {"ph": phase, "name": harmless(name), "pid": self.pid, "tid": self.tid, "ts": round(at, 3), **more}


def _texts(more: Mapping[str, Any]) -> dict[str, Any]:
    return {key: harmless(value) if isinstance(value, str) else value for key, value in more.items()}


def _named(what: str, pid: int, tid: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": harmless(name)}}


def _track(pid: int, tid: int, name: str) -> Iterator[Event]:
    yield _named("thread_name", pid, tid, name)
    yield {"ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid, "args": {"sort_index": tid}}


def _tid(lane: int) -> int:
    return 1 + lane * MOST_LOCKS


def _schedule(picture: Lanes, pid: int) -> Iterator[Event]:
    for lane, name in enumerate(picture.threads):
        yield from _track(pid, _tid(lane), name)
        for row in range(min(picture.rows(lane), MOST_LOCKS - 1)):
            yield from _track(pid, _tid(lane) + 1 + row, f"{name} holds")
    for stretch in picture.stretches:
        track = Track(pid, _tid(stretch.lane))
        yield track.slice(f"{picture.threads[stretch.lane]} runs", stretch.first * STEP, (stretch.last + 1) * STEP)
        for number in range(stretch.first, stretch.last + 1):
            moment = picture.moments[number]
            seen = {"holds": ", ".join(moment.holds)} if moment.holds else {}
            place = f"{moment.file}:{moment.line}"
            yield track.slice(
                f"{moment.line}: {moment.source}", number * STEP, (number + 1) * STEP,
                place=place, function=moment.function, **seen, **{f"sees {name}": text for name, text in moment.changes},
            )  # fmt: skip
    for wait in picture.waits:
        track = Track(pid, _tid(wait.lane))
        yield track.slice(f"waits for {wait.label}", wait.first * STEP, (wait.last + 1) * STEP)
    for hold in picture.holds:
        track = Track(pid, _tid(hold.lane) + 1 + min(hold.row, MOST_LOCKS - 2))
        yield track.slice(hold.label, hold.first * STEP, (hold.last + 1) * STEP)
    for number, (one, other) in enumerate(zip(picture.stretches, picture.stretches[1:], strict=False), 1):
        yield Track(pid, _tid(one.lane)).flow("s", pid * 10_000 + number, (one.last + 0.9) * STEP)
        yield Track(pid, _tid(other.lane)).flow("f", pid * 10_000 + number, (other.first + 0.1) * STEP)


def _failure(check: CheckResult, picture: Lanes, edges: tuple[Edge, ...], pid: int) -> Event:
    lane = picture.moments[picture.failing].lane
    waits = {edge.waiter: lanes.sentence(edge) for edge in edges}
    what = f"{check.verdict}: {check.message.splitlines()[0] if check.message else check.title}"
    return Track(pid, _tid(lane)).instant(what, (picture.failing + 1) * STEP, **waits)


def _timeline(picture: Timeline, pid: int) -> Iterator[Event]:
    tid = 10_000  # after the threads of a schedule
    for process in picture.processes:
        tid += 1
        yield from _track(pid, tid, process.name)
        yield Track(pid, tid).slice(process.name, process.begin * SECOND, process.end * SECOND)
        before = process.begin
        for second, cores in (*process.cores, (process.end, 0.0)):
            # A look tells of the time before it; a counter keeps its value until the next one.
            yield {
                "ph": "C", "name": harmless(f"cores of {process.name}"), "pid": pid, "tid": tid,
                "ts": round(before * SECOND, 3), "args": {"cores": round(cores, 3)},
            }  # fmt: skip
            before = second
    for group in picture.groups:
        for row in range(group.rows):
            yield from _track(pid, tid + 1 + row, group.title)
        for bar in group.bars:
            track = Track(pid, tid + 1 + bar.row)
            yield track.slice(bar.name, bar.begin * SECOND, bar.end * SECOND, result=bar.result)
        tid += group.rows


def _trials(evidence: Mapping[str, Any], pid: int) -> Iterator[Event]:
    tid, now = 20_000, 0.0
    yield from _track(pid, tid, "trials of the speed-up")
    track = Track(pid, tid)
    for number, dot in enumerate(runs.dots(evidence).dots, 1):
        for name, seconds in (("one after the other", dot.baseline), ("the submission", dot.seconds)):
            yield track.slice(
                f"trial {number}: {name}", now, now + seconds * SECOND,
                ratio=round(dot.ratio, 3), counted=dot.counted, cores=round(dot.cores, 2),
            )  # fmt: skip
            now += seconds * SECOND
