"""Schedules and deadlocks as pictures: lanes over steps, and who waits for whom."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import svg
from markupsafe import Markup

from grader.render.canvas import GUTTER, LETTER, Elements, arrow_head, box, frame, gutter, hatching, line, tips, words
from grader.render.lanes import Edge, Graph, Lanes, Span

WIDE, NARROW, ROOM = 40.0, 23.0, 850.0  # pixels of a step, and what there is for all of them without scrolling
TOP, BOX, LOCK, GAP = 30, 28, 16, 20
NODE = (176.0, 48.0)
MOST_NODES = 8
WIDTH = 640.0  # of a graph

Point = tuple[float, float]


class Scale:
    """Where steps and lanes lie."""

    def __init__(self, picture: Lanes) -> None:
        self.step = min(max(ROOM / max(picture.length, 1), NARROW), WIDE)
        self.tops = []
        y = float(TOP)
        for lane in range(len(picture.threads)):
            self.tops.append(y)
            y += BOX + LOCK * picture.rows(lane) + GAP
        self.height = y
        self.width = GUTTER + self.step * picture.length + 12

    def x(self, step: float) -> float:
        return GUTTER + self.step * step

    def box(self, span: Span, *classes: str, tip: str = "", fill: str | None = None) -> svg.Rect:
        wide = self.step * (span.last - span.first + 1)
        return box(self.x(span.first), self.tops[span.lane], wide - 1, BOX, *classes, tip=tip, fill=fill)


def schedule(picture: Lanes, key: str, label: str, mark: str = "seen here") -> Markup:
    """Lanes of threads over steps. `key` makes ids unique on the page; `mark` stands above the step that fails."""
    at = Scale(picture)
    drawn: Elements = [svg.Defs(elements=[hatching(key), arrow_head(key)])]
    for lane, top in enumerate(at.tops):
        own = [s for s in picture.stretches if s.lane == lane]
        drawn.append(line(at.x(own[0].first), top + BOX / 2, at.x(own[-1].last + 1), top + BOX / 2, "idle"))
    drawn += [at.box(wait, "waits", tip=f"waits for {wait.label}", fill=f"url(#{key}-hatch)") for wait in picture.waits]
    for wait in picture.waits:
        drawn += _wait_words(picture, at, wait)
    for stretch in picture.stretches:
        drawn += _stretch(picture, at, stretch)
    for hold in picture.holds:
        drawn += _hold(at, hold)
    drawn += _switches(picture, at, key)
    drawn += _failure(picture, at, mark)
    drawn.append(svg.Rect(x=at.x(0), y=TOP - 6, width=at.step, height=at.height - TOP, rx=3, class_=["cursor"]))
    names: Elements = []
    for top, name in zip(at.tops, picture.threads, strict=True):
        names.append(svg.G(elements=[*(tips(name) or []), words(0, top + 18, name, "name", room=GUTTER - 10)]))
    drawn.append(gutter(at.height, names))
    data: dict[str, object] = {"left": GUTTER, "step": round(at.step, 3)}
    return frame(at.width, at.height, "lanes", label, drawn, data)


def _stretch(picture: Lanes, at: Scale, stretch: Span) -> Iterator[svg.Element]:
    """One box, with the numbers of the lines that are run, as far as they have room."""
    yield at.box(stretch, "run")
    top, free = at.tops[stretch.lane], at.x(stretch.first)
    first = stretch.first
    while first <= stretch.last:
        line_number, last = picture.moments[first].line, first
        while last < stretch.last and picture.moments[last + 1].line == line_number:
            last += 1
        number = str(line_number)
        middle = (at.x(first) + at.x(last + 1)) / 2
        begin = middle - len(number) * LETTER / 2
        if first > stretch.first:
            yield line(at.x(first) - 0.5, top + 8, at.x(first) - 0.5, top + BOX - 8, "tick")
        if begin >= free:
            yield words(middle, top + 18, number, "line-number")
            free = begin + len(number) * LETTER + 2
        first = last + 1


def _hold(at: Scale, hold: Span) -> Iterator[svg.Element]:
    y = at.tops[hold.lane] + BOX + 4 + hold.row * LOCK
    wide = at.step * (hold.last - hold.first + 1) - 1
    yield box(at.x(hold.first), y, wide, LOCK - 3, "hold", tip=f"holds {hold.label}")
    yield words(at.x(hold.first) + 5, y + 10, hold.label, "hold-label", room=wide - 8)


def _wait_words(picture: Lanes, at: Scale, wait: Span) -> Iterator[svg.Element]:
    """As much of it as there is room for; what it waits for stands in the list of steps, too."""
    room = at.step * (wait.last - wait.first + 1) - 10
    short = "waits for ever" if wait.last == picture.length - 1 > len(picture.moments) - 1 else "waits"
    text = next((text for text in (f"waits for {wait.label}", short, "waits") if len(text) * LETTER <= room), "")
    if text:
        x, y = at.x(wait.first) + 6, at.tops[wait.lane]
        yield box(x - 2, y + 6, len(text) * LETTER + 4, BOX - 12, "plate")
        yield words(x, y + 18, text, "wait-label")


def _switches(picture: Lanes, at: Scale, key: str) -> Iterator[svg.Element]:
    for one, other in zip(picture.stretches, picture.stretches[1:], strict=False):
        x, down = at.x(other.first), at.tops[other.lane] > at.tops[one.lane]
        begin = at.tops[one.lane] + (BOX if down else 0)
        end = at.tops[other.lane] + (0 if down else BOX)
        yield svg.Line(x1=x, y1=begin, x2=x, y2=end, class_=["switch"], marker_end=f"url(#{key}-head)")


def _failure(picture: Lanes, at: Scale, mark: str) -> Iterator[svg.Element]:
    step = picture.failing
    x, top = at.x(step), at.tops[picture.moments[step].lane]
    yield svg.Rect(x=x - 1, y=top - 2, width=at.step + 1, height=BOX + 4, rx=4, class_=["failing"])
    text = f"✗ {mark}"
    wide = len(text) * LETTER
    left = min(max(x + at.step / 2 - wide / 2, GUTTER), max(at.width - wide - 4, GUTTER))
    yield line(x + at.step / 2, 20, x + at.step / 2, top - 2, "failing-line")
    yield words(left, 14, text, "failing-label")


def wait_graph(graph: Graph, key: str, label: str) -> Markup:
    """Threads as boxes on a ring, and an arrow from each one that waits to the one that has what it waits for.

    With more than two threads the arrows have numbers: those of the sentences beside the picture.
    """
    nodes = graph.nodes[:MOST_NODES]
    places = _ring(nodes)
    height = max(y for _, y in places.values()) + 90
    centre = (WIDTH / 2, sum(y for _, y in places.values()) / len(places))
    drawn: Elements = [svg.Defs(elements=[arrow_head(key)])]
    for number, edge in enumerate(graph.edges, 1):
        if edge.waiter in places and edge.holder in places:
            way, middle = _way(places[edge.waiter], places[edge.holder])
            drawn.append(svg.Path(d=way, class_=["arrow"], marker_end=f"url(#{key}-head)"))
            drawn += _wants(edge, middle, centre) if len(nodes) <= 2 else _numbered(number, edge, middle)
    for node, place in places.items():
        drawn += _node(graph, node, place)
    return frame(WIDTH, height, "graph", label, drawn)


def _ring(nodes: Sequence[str]) -> dict[str, Point]:
    radius = {1: 0.0, 2: 165.0}.get(len(nodes), 90.0 + 15 * len(nodes))
    across = min(1.3 * radius, (WIDTH - NODE[0]) / 2 - 6)
    start = math.pi if len(nodes) == 2 else -math.pi / 2
    angles = [start + 2 * math.pi * number / len(nodes) for number in range(len(nodes))]
    top = min(radius * math.sin(angle) for angle in angles) - (110 if len(nodes) <= 2 else 45)
    return {
        node: (WIDTH / 2 + across * math.cos(angle), radius * math.sin(angle) - top)
        for node, angle in zip(nodes, angles, strict=True)
    }


def _node(graph: Graph, node: str, place: Point) -> Iterator[svg.Element]:
    x, y = place
    mine = next((edge for edge in graph.edges if edge.waiter == node), None)
    known = [edge.note for edge in graph.edges if edge.holder == node and edge.note]
    note = f"stands at line {mine.line}" if mine and mine.line else known[0] if known else ""
    yield box(x - NODE[0] / 2, y - NODE[1] / 2, *NODE, "node", *([] if node else ["nobody"]))
    yield words(x, y + (-3 if note else 5), node or "nobody known", "node-name", room=NODE[0] - 12)
    if note:
        yield words(x, y + 14, note, "node-note", room=NODE[0] - 12)


def _way(begin: Point, end: Point) -> tuple[list[svg.PathData], Point]:
    """The arrow's path, and its middle."""
    if begin == end:
        top = begin[1] - NODE[1] / 2
        left, right = begin[0] - 40, begin[0] + 40
        loop: list[svg.PathData] = [svg.M(left, top), svg.C(left - 20, top - 70, right + 20, top - 70, right, top - 2)]
        return loop, (begin[0], top - 52)
    across = (begin[1] - end[1], end[0] - begin[0])  # to one side of the way, so that two ways do not meet
    length = math.hypot(*across)
    bend = tuple((begin[i] + end[i]) / 2 - across[i] / length * 80 for i in (0, 1))
    start, stop = _border(begin, (bend[0], bend[1])), _border(end, (bend[0], bend[1]))
    middle = (start[0] + 2 * bend[0] + stop[0]) / 4, (start[1] + 2 * bend[1] + stop[1]) / 4
    return [svg.M(*start), svg.Q(round(bend[0], 1), round(bend[1], 1), *stop)], middle


def _wants(edge: Edge, middle: Point, centre: Point) -> Iterator[svg.Element]:
    y = middle[1] + (16 if middle[1] > centre[1] + 8 else -20)
    text = words(middle[0], y, f"waits for {edge.wants}", "edge-label", "over", room=WIDTH - 20)
    yield svg.G(elements=[*(tips(edge.wants) or []), text])
    if edge.held_since:
        yield words(middle[0], y + 14, f"held since line {edge.held_since}", "edge-note", "over")


def _numbered(number: int, edge: Edge, middle: Point) -> Iterator[svg.Element]:
    x, y = (round(value, 1) for value in middle)
    yield svg.Circle(cx=x, cy=y, r=10, class_=["edge-number"], elements=tips(f"waits for {edge.wants}"))
    yield words(x, y + 4, str(number), "over")


def _border(box_centre: Point, toward: Point) -> Point:
    """Where the way from the middle of a node to `toward` leaves its box, with a little air."""
    dx, dy = toward[0] - box_centre[0], toward[1] - box_centre[1]
    reach = min(
        (NODE[0] / 2 + 3) / abs(dx) if dx else math.inf,
        (NODE[1] / 2 + 3) / abs(dy) if dy else math.inf,
    )
    return round(box_centre[0] + dx * reach, 1), round(box_centre[1] + dy * reach, 1)
