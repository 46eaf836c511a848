"""Results for GitHub: annotations, the step's summary, and the outputs that GitHub Classroom's reporter and others read.

Annotations: at most 10 of a kind are shown for a step. The summary may have 1024 KiB. A result is base64 of JSON.
"""

from __future__ import annotations

import base64
import html
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from grader.classroom.marks import BAD, Mark, Marks
from grader.text import visible
from grader.verdict import Verdict

MOST_ANNOTATIONS = 10
LARGEST_SUMMARY = 900 * 1024  # bytes
LONGEST_MESSAGE = 1_000  # characters in a result: all outputs of a job together have a limit, too


def commands(marked: Marks, differences: Sequence[str] = ()) -> list[str]:
    """Lines for standard output: what failed, the two notices of an autograder, and a warning about changed files."""
    shown = _first_of_each([mark for mark in marked.telling if mark.verdict in BAD])[:MOST_ANNOTATIONS]
    lines = [_command("error", m.text or m.title, file=m.path, line=str(m.line), title=m.name) for m in shown]
    warnings = [_command("warning", m.text, title=f"{m.exercise}: a fault of the grader") for m in marked.faults]
    if differences:  # before the others, which may be more than are shown
        text = f"{_differ(differences)}: {', '.join(differences[:10])}"
        warnings.insert(0, _command("warning", visible(text, one_line=True), title="Checks or grader were changed"))
    lines += warnings[:MOST_ANNOTATIONS]
    if not marked.is_final:
        return lines  # without the notices, nothing is recorded
    totals = json.dumps({"totalPoints": marked.score, "maxPoints": marked.max_score}, separators=(",", ":"))
    lines.append(_command("notice", f"Points {marked.score}/{marked.max_score}", title="Autograding complete"))
    lines.append(_command("notice", totals, title="Autograding report"))
    return lines


def summary(marked: Marks, differences: Sequence[str] = ()) -> str:
    """Markdown. Whole blocks are left out at the end, should there be too much of them."""
    lines = [f"## {marked.score} of {marked.max_score} points", ""]
    if marked.faults:
        lines += ["**The grader itself failed**, so this score is not final. Run the job again.", ""]
    if marked.warning:
        lines += [f"**Warning:** {marked.warning}", ""]
    if differences:
        names = ", ".join(f"<code>{_html(name)}</code>" for name in differences[:20])
        lines += [f"{_differ(differences)}: {names}.", ""]
    lines += ["| exercise | check | verdict | points |", "| --- | --- | --- | --- |"]
    for mark in marked.marks:
        verdict = mark.verdict.words
        lines.append(f"| {_cell(mark.exercise)} | {_cell(mark.title)} | {verdict} | {mark.score} of {mark.max_score} |")
    text = "\n".join(lines) + "\n"
    for mark in marked.telling:
        if mark.verdict is Verdict.PASSED:
            continue
        block = f"\n<details><summary>{_html(mark.name)}</summary>\n\n<pre>{_html(mark.text)}</pre>\n\n</details>\n"
        if len((text + block).encode()) > LARGEST_SUMMARY:
            return f"{text}\nThe rest is in the log.\n"
        text += block
    return text


def result(marked: Marks) -> str:
    """The value of the step's output `result`."""
    data = {
        "version": 1,
        "status": "pass"
        if marked.is_final and all(m.is_fine for m in marked.marks)
        else "fail"
        if marked.is_final
        else "error",
        "max_score": marked.max_score,
        "tests": [_test(mark) for mark in marked.marks],
    }
    return base64.b64encode(json.dumps(data).encode()).decode()


def outputs(marked: Marks) -> str:
    """Lines for $GITHUB_OUTPUT. Without a score where the grader itself failed, so that nobody records one."""
    lines = f"result={result(marked)}\n"
    if not marked.is_final:
        return f"{lines}status=error\n"
    return f"{lines}score={marked.score}\nmax_score={marked.max_score}\nstatus=graded\n"


def _test(mark: Mark) -> dict[str, Any]:
    return {
        "name": mark.name,
        "status": "error" if mark.verdict is Verdict.ERROR else "pass" if mark.is_fine else "fail",
        "score": mark.score,
        "max_score": mark.max_score,
        "message": mark.text[:LONGEST_MESSAGE],
        "test_code": mark.check,
        "filename": mark.path,
        "line_no": mark.line,
        "duration": mark.milliseconds,
    }


def _differ(differences: Sequence[str]) -> str:
    return (
        "1 file of the release differs" if len(differences) == 1 else f"{len(differences)} files of the release differ"
    )


def _first_of_each(failed: Sequence[Mark]) -> list[Mark]:
    """The first failure of each exercise before the second ones: one bad exercise must not hide the others."""
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, Mark]] = []
    for mark in failed:
        seen[mark.exercise] += 1
        ranked.append((seen[mark.exercise], mark))
    return [mark for _, mark in sorted(ranked, key=lambda pair: pair[0])]


def _command(kind: str, message: str, **properties: str) -> str:
    """A workflow command: one line, whatever the texts hold."""
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {named}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _html(text: str) -> str:
    return html.escape(text, quote=False)


def _cell(text: str) -> str:
    """Plain text in a table: no HTML, no column and no markup of its own."""
    escaped = _html(text)
    for character in "\\`*_[]|~":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped.replace("\n", " ")
