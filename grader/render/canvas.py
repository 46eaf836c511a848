"""What all drawings share: text that is escaped, clipped to its room, hatching, arrow heads, the frame of a picture.

Colours come from the page's style sheet by class, so that a picture is right in light, in dark and on paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import svg
from markupsafe import Markup

from grader.render.markup import safe

GUTTER = 124  # the names at the left; a script keeps them in view
LETTER = 6.7  # width of a letter of the small monospaced font
Elements = list[svg.Element]


def words(x: float, y: float, text: str, *classes: str, room: float | None = None) -> svg.Text:
    """`room`: pixels that there are for it."""
    return svg.Text(
        x=_round(x), y=_round(y), text=str(safe(text if room is None else clip(text, room))), class_=list(classes)
    )


def clip(text: str, room: float) -> str:
    most = int(room / LETTER)
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…" if most > 1 else ""


def box(
    x: float, y: float, width: float, height: float, *classes: str, tip: str = "", fill: str | None = None
) -> svg.Rect:
    return svg.Rect(
        x=_round(x), y=_round(y), width=_round(width), height=_round(height), rx=3, class_=list(classes), fill=fill,
        elements=tips(tip),
    )  # fmt: skip


def tips(text: str) -> Elements | None:
    """What a pointer that rests on it shows."""
    return [svg.Title(text=str(safe(text)))] if text else None


def line(x1: float, y1: float, x2: float, y2: float, *classes: str) -> svg.Line:
    return svg.Line(x1=_round(x1), y1=_round(y1), x2=_round(x2), y2=_round(y2), class_=list(classes))


def hatching(key: str) -> svg.Pattern:
    stripes: Elements = [
        svg.Rect(width=6, height=6, class_=["hatch-ground"]),
        svg.Line(x1=0, y1=0, x2=0, y2=6, class_=["hatch"]),
    ]
    return svg.Pattern(
        id=f"{key}-hatch", width=6, height=6, patternUnits="userSpaceOnUse", patternTransform=[svg.Rotate(45)],
        elements=stripes,
    )  # fmt: skip


def arrow_head(key: str) -> svg.Marker:
    head = svg.Path(d=[svg.M(0, 0), svg.L(7, 3.5), svg.L(0, 7), svg.Z()], class_=["head"])
    return svg.Marker(
        id=f"{key}-head", markerWidth=7, markerHeight=7, refX=6.5, refY=3.5, orient="auto", markerUnits="userSpaceOnUse",
        elements=[head],
    )  # fmt: skip


def frame(
    width: float,
    height: float,
    kind: str,
    label: str,
    elements: Sequence[svg.Element],
    data: dict[str, object] | None = None,
) -> Markup:
    """The picture as markup. `label` names it; what it shows is said in words beside it."""
    picture = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, _round(width), _round(height)), width=_round(width), height=_round(height),
        class_=[kind], elements=list(elements), data=data, extra={"role": "img", "aria-label": str(safe(label))},
    )  # fmt: skip
    return Markup(picture.as_str())


def gutter(height: float, elements: Sequence[svg.Element]) -> svg.G:
    return svg.G(
        class_=["gutter"], elements=[svg.Rect(width=GUTTER - 6, height=_round(height), class_=["ground"]), *elements]
    )


def _round(value: float) -> float:
    return round(value, 1)
