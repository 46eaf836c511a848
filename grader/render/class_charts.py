"""A class as pictures: how many people have how many points, and how an exercise ended, as one bar."""

from __future__ import annotations

from collections.abc import Sequence

import svg
from markupsafe import Markup

from grader.render.canvas import Elements, box, frame, line, words
from grader.render.charts import ticks
from grader.render.class_numbers import Spread
from grader.render.markup import safe

WIDTH, HEIGHT, LEFT, TOP, FLOOR = 720.0, 236.0, 34.0, 18.0, 196.0
LONG = 1000.0  # units of a bar, whatever its width on the page


def histogram(spread: Spread, label: str) -> Markup:
    """A bar for each tenth of the points, and a line at the median."""
    most = max(*spread.bins, 1)
    room = (WIDTH - LEFT) / len(spread.bins)
    drawn: Elements = []
    for count in (tick for tick in ticks(most) if tick == int(tick)):
        y = FLOOR - (FLOOR - TOP) * count / most
        drawn += [line(LEFT, y, WIDTH, y, "grid"), words(LEFT - 6, y + 4, f"{count:g}", "axis-end")]
    for number, count in enumerate(spread.bins):
        x, high = LEFT + room * number, (FLOOR - TOP) * count / most
        begin, end = _tenth(spread, number)
        people = "1 person" if count == 1 else f"{count} people"
        if count:
            drawn.append(box(x + 3, FLOOR - high, room - 6, high, "bar", tip=f"{begin} to {end} %: {people}"))
            drawn.append(words(x + room / 2, FLOOR - high - 4, str(count), "over"))
        drawn.append(words(x + room / 2, FLOOR + 16, f"{begin} to {end}", "axis"))
    drawn.append(words(LEFT + (WIDTH - LEFT) / 2, FLOOR + 34, "percent of the points", "axis"))
    drawn.append(line(LEFT, FLOOR, WIDTH, FLOOR, "floor"))
    if spread.median is not None:
        x = LEFT + (WIDTH - LEFT) * min(spread.median, 1.0)
        drawn.append(line(x, TOP - 14, x, FLOOR, "median"))
    return frame(WIDTH, HEIGHT, "spread", label, drawn)


def _tenth(spread: Spread, number: int) -> tuple[int, int]:
    wide = 100 // len(spread.bins)
    begin = wide * number
    return begin, 100 if number == len(spread.bins) - 1 else begin + wide - 1


def bar(parts: Sequence[tuple[str, int]], label: str, most: int | None = None) -> Markup:
    """Counts side by side, each with the class that colours it; as wide as the page lets it. What it says stands beside it in words."""
    whole = most or sum(count for _, count in parts) or 1
    drawn: Elements = []
    x = 0.0
    for kind, count in parts:
        wide = LONG * count / whole
        if count:
            drawn.append(
                svg.Rect(x=round(x, 1), y=0, width=max(round(wide - 2, 1), 1), height=10, class_=["part", kind])
            )
        x += wide
    picture = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, LONG, 10), class_=["parts"], preserveAspectRatio=svg.PreserveAspectRatio("none"), elements=drawn,
        extra={"role": "img", "aria-label": str(safe(label))},
    )  # fmt: skip
    return Markup(picture.as_str())


def swatch(kind: str) -> Markup:
    """A small square of that colour, for the words beside a bar."""
    square: Elements = [svg.Rect(width=10, height=10, class_=["part", kind])]
    picture = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, 10, 10), width=10, height=10, class_=["swatch"], elements=square,
        extra={"aria-hidden": "true"},
    )  # fmt: skip
    return Markup(picture.as_str())
