"""Measured runs as pictures: bars over time, processes with the cores they use, trials of a speed-up as dots."""

from __future__ import annotations

import math
from collections.abc import Iterator

import svg
from markupsafe import Markup

from grader.render.canvas import GUTTER, LETTER, Elements, box, frame, gutter, line, tips, words
from grader.render.runs import Bar, Dot, Dots, Group, Process, Timeline

ROOM = 850.0
TIMES = "\N{MULTIPLICATION SIGN}"
TOP, ROW, GAP, CURVE = 26, 18, 16, 40
TRIAL = 26


def runs(picture: Timeline, label: str) -> Markup:
    """Lanes of processes, requests and calls over seconds."""
    width, y = GUTTER + ROOM + 14, float(TOP)
    bodies: Elements = []
    names: Elements = []
    for process in picture.processes:
        names += _name(y + CURVE / 2 + 4, process.name)
        bodies += _process(picture, process, y)
        y += CURVE + GAP
    for group in picture.groups:
        names += _name(y + 13, group.title)
        for bar in group.bars:
            bodies += _bar(picture, bar, y, _until(picture, bar, group))
        y += ROW * group.rows + GAP
    drawn: Elements = []
    for second in ticks(picture.seconds):
        x = _x(picture, second)
        drawn += [
            line(x, TOP - 8, x, y - GAP, "grid"),
            words(x, 12, f"{second:g} s", "axis" if second else "axis-start"),
        ]
    return frame(width, y, "runs", label, [*drawn, *bodies, gutter(y, names)])


def _x(picture: Timeline, second: float) -> float:
    return GUTTER + ROOM * min(second / picture.seconds, 1.0)


def _name(y: float, name: str) -> Iterator[svg.Element]:
    yield svg.G(elements=[*(tips(name) or []), words(0, y, name, "name", room=GUTTER - 10)])


def _until(picture: Timeline, bar: Bar, group: Group) -> float:
    """Where the next bar of its row begins."""
    after = group.bars[group.bars.index(bar) + 1 :]  # they are in the order in which they begin
    following = [other.begin for other in after if other.row == bar.row]
    return _x(picture, min(following)) if following else GUTTER + ROOM


def _bar(picture: Timeline, bar: Bar, top: float, until: float) -> Iterator[svg.Element]:
    """A bar with its name in it, or beside it where it is too short and there is room."""
    x, y = _x(picture, bar.begin), top + ROW * bar.row
    wide = max(_x(picture, bar.end) - x - 1, 3)
    ending = f", {bar.result}" if bar.result else ""
    tip = f"{bar.name}: {bar.begin:.3f} s to {bar.end:.3f} s{ending}"
    yield box(x, y, wide, ROW - 3, "bar", *([] if bar.went_well else ["bad"]), tip=tip)
    text = bar.name if bar.went_well else f"✗ {bar.result} {bar.name}"
    needed = len(text) * LETTER + 8
    if needed > wide and x + wide + needed <= until:
        yield words(x + wide + 5, y + 11, text, "bar-label")
    elif wide > 6 * LETTER:
        yield words(x + 4, y + 11, text, "bar-label", room=wide - 6)
    elif not bar.went_well and wide > LETTER + 4:
        yield words(x + 3, y + 11, "✗", "bar-label")


def _process(picture: Timeline, process: Process, top: float) -> Iterator[svg.Element]:
    """The cores that it used, as steps; a line for each whole core."""
    if not process.cores:
        yield from _bar(picture, Bar("", process.begin, process.end, 0), top + (CURVE - ROW) / 2, GUTTER)
        return
    most = max(1, math.ceil(max(cores for _, cores in process.cores) - 0.15))
    bottom = top + CURVE
    begin, end = _x(picture, process.begin), _x(picture, process.end)
    for whole in range(1, most + 1):
        y = bottom - CURVE * whole / most
        yield line(begin, y, end, y, "grid")
        if whole == most:
            yield words(GUTTER + ROOM, y + 10, f"{whole} core{'s' * (whole > 1)}", "axis-end")
    path: list[svg.PathData] = [svg.M(round(begin, 1), bottom)]
    for second, cores in process.cores:
        y = round(bottom - CURVE * min(cores / most, 1.0), 1)
        path += [svg.V(y), svg.H(round(_x(picture, second), 1))]
    path += [svg.V(bottom), svg.Z()]
    tip = f"{process.name}: {process.begin:.3f} s to {process.end:.3f} s"
    yield svg.Path(d=path, class_=["curve"], elements=tips(tip))
    yield line(begin, bottom, end, bottom, "floor")


def ticks(most: float) -> list[float]:
    """Round numbers from 0 to `most`, between three and nine of them."""
    if most <= 0:
        return [0.0]
    unit = 10.0 ** math.floor(math.log10(most))
    step = next(unit * f for f in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if most / (unit * f) <= 8)
    return [round(step * n, 9) for n in range(int(most / step) + 1)]


def trials(picture: Dots, label: str) -> Markup:
    """A dot for each trial: how many times as fast, against what was needed; hollow if it did not count."""
    most = max([dot.ratio for dot in picture.dots] + [picture.need, 1.0]) * 1.15
    right, width = 600.0, 900.0
    height = TOP + 18 + TRIAL * len(picture.dots) + 34.0

    def x(ratio: float) -> float:
        return GUTTER + (right - GUTTER) * ratio / most

    floor = height - 30
    drawn: Elements = []
    for ratio in ticks(most):
        drawn += [
            line(x(ratio), TOP + 10, x(ratio), floor, "grid"),
            words(x(ratio), floor + 16, f"{ratio:g}{TIMES}", "axis"),
        ]
    if picture.need:
        drawn += [line(x(picture.need), TOP, x(picture.need), floor, "need")]
        drawn += [words(x(picture.need), TOP - 8, f"needed {picture.need:.2f}{TIMES}", "need-label")]
    if picture.ratio:
        drawn += [line(x(picture.ratio), TOP, x(picture.ratio), floor, "median")]
        near = picture.need and abs(x(picture.ratio) - x(picture.need)) < 150
        side = "" if not near else "left-of" if picture.ratio < picture.need else "right-of"
        shift = {"": 0, "left-of": -4, "right-of": 4}[side]
        drawn += [
            words(
                x(picture.ratio) + shift,
                TOP + (4 if near else -8),
                f"median {picture.ratio:.2f}{TIMES}",
                "median-label",
                side or "over",
            )
        ]
    drawn.append(words(right + 50, TOP - 8, " machine   at work", "axis-start"))
    for number, dot in enumerate(picture.dots):
        drawn += _trial(dot, number + 1, x(dot.ratio), right, TOP + 26 + TRIAL * number)
    return frame(width, height, "trials", label, drawn)


def _trial(dot: Dot, number: int, x: float, right: float, y: float) -> Iterator[svg.Element]:
    tip = f"{dot.seconds:.3f} s; one after the other {dot.baseline:.3f} s"
    yield words(0, y + 4, f"trial {number}", "name")
    yield line(GUTTER, y, right, y, "idle")
    yield svg.Circle(cx=round(x, 1), cy=y, r=6, class_=["dot" if dot.counted else "hollow"], elements=tips(tip))
    yield words(right + 50, y + 4, f"{dot.cores:4.1f} cores {dot.busy:4.1f} cores", "axis-start")
    if not dot.counted:
        yield words(right + 50 + 24 * LETTER, y + 4, "not counted", "axis-start")


def runs_in_words(picture: Timeline) -> str:
    """What the lanes of a run show."""
    said = [f"The run took {picture.seconds:.2f} s."]
    for process in picture.processes:
        cores = [cores for _, cores in process.cores]
        used = f", using {sum(cores) / len(cores):.1f} cores on average and {max(cores):.1f} at most" if cores else ""
        said.append(f"{process.name} ran from {process.begin:.2f} s to {process.end:.2f} s{used}.")
    said += [_group_in_words(group) for group in picture.groups]
    return " ".join(said)


def _group_in_words(group: Group) -> str:
    bad = [bar for bar in group.bars if not bar.went_well]
    more = f"; {len(bad)} did not go well ({', '.join(sorted({bar.result for bar in bad}))})" if bad else ""
    return f"{group.title}: {len(group.bars)}, at most {group.rows} at once{more}."


def trials_in_words(picture: Dots) -> str:
    """What the dots show."""
    each = ", ".join(f"{dot.ratio:.2f}{'' if dot.counted else ' (not counted)'}" for dot in picture.dots)
    said = f"Times as fast as one after the other, trial by trial: {each}."
    if picture.need:
        said += f" The median of those that counted is {picture.ratio:.2f}; {picture.need:.2f} was needed."
    return f"{said} This machine gave {picture.cores:.1f} cores."
