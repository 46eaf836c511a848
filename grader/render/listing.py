"""A submission's source for the page: highlighted, line by line, and shortened to what a schedule touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Number, Operator, String, _TokenType

from grader.render.lanes import Moment
from grader.render.markup import safe
from grader.text import harmless

AROUND = 2  # lines shown before and after those that are run
ENDING = "end of: "  # how the explorer writes the step in which a `with` block is left
CLASSES = ((Comment, "co"), (Keyword, "kw"), (Operator.Word, "kw"), (String, "st"), (Number, "nu"))


@dataclass(frozen=True)
class Line:
    """`after_gap`: lines before this one are left out."""

    number: int
    code: Markup
    after_gap: bool = False


def highlighted(source: str) -> list[Line]:
    """All lines. What comes out is escaped."""
    lines = [""]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(harmless(source)):
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append("")
            if part:
                lines[-1] += _token(kind, part)
    if lines[-1] == "" and len(lines) > 1:
        lines.pop()
    return [Line(number, Markup(code)) for number, code in enumerate(lines, 1)]


def _token(kind: _TokenType, text: str) -> str:
    name = next((name for parent, name in CLASSES if kind[: len(parent)] == parent), "")
    return f'<span class="{name}">{safe(text)}</span>' if name else str(safe(text))


def excerpt(source: str | None, file: str, moments: Sequence[Moment]) -> list[Line]:
    """The lines of `file` that a schedule runs, with some around them; without the source, what the steps tell of it."""
    ran = {m.line for m in moments if m.file == file and m.line}
    if source is None:
        return _gaps(_told(file, moments))
    lines = highlighted(source)
    near = {n + d for n in ran for d in range(-AROUND, AROUND + 1)} | _headers(source, ran)
    inside = {n for n in near if n - 1 in near and n + 1 in near}
    return _gaps(line for line in lines if line.number in near and (line.code.strip() or line.number in inside))


def _headers(source: str, ran: Iterable[int]) -> set[int]:
    """The lines that say in which function and class those lines are."""
    lines = harmless(source).split("\n")
    found = set()
    for number in ran:
        if number > len(lines):
            continue
        depth = _depth(lines[number - 1])
        for above in range(number - 1, 0, -1):
            text = lines[above - 1]
            if text.strip() and _depth(text) < depth:
                depth = _depth(text)
                if text.lstrip().startswith(("def ", "async def ", "class ")):
                    found.add(above)
    return found


def _depth(text: str) -> int:
    return len(text) - len(text.lstrip())


def _told(file: str, moments: Sequence[Moment]) -> list[Line]:
    texts: Mapping[int, str] = {
        m.line: m.source for m in moments if m.file == file and m.line and not m.source.startswith(ENDING)
    }
    return [Line(number, highlighted(text)[0].code) for number, text in sorted(texts.items())]


def _gaps(lines: Iterable[Line]) -> list[Line]:
    result: list[Line] = []
    for line in lines:
        gap = line.number != (result[-1].number + 1 if result else 1)
        result.append(Line(line.number, line.code, gap and bool(result)))
    return result
