"""Text of a submission steers nothing: no terminal, no CI system, no XML, no shell."""

from __future__ import annotations

import io
import json
import re
import shlex
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from grader.render import junit, schedule, terminal
from grader.text import visible
from grader.verdict import CheckResult, ExerciseResult, Kind, Report, Verdict, to_json

# As GitHub's runner reads a line: `::name ...::` after any indentation, and the older `##[name]` anywhere.
OBEYED = re.compile(r"^\s*::[A-Za-z][\w-]*.*?::|##\[|##\w+\[", re.MULTILINE)
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PARTS = ("::error file=a::", "::", ":", "##[error]", "#", "[", "\x1b[31m", "\x1b]0;t\x07", "\r", "\n", "\t", " ", "\x00", "\u202e", "\ud800", "]]>", "<b>&", "\ufffe")  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PARTS) | st.text(max_size=5) | st.characters(), max_size=12).map("".join)
BAD = st.sampled_from([v for v in Verdict if v is not Verdict.NOT_STARTED])
EXAMPLES = settings(max_examples=200)


def result_of(message: str, advice: str, path: str, verdict: Verdict, token: str) -> ExerciseResult:
    evidence = {"type": "schedule", "token": token, "number": float("nan"), token: [message]}
    check = CheckResult(f"test[{path}]", message, Kind.CORRECTNESS, verdict, 0.1, message, advice, path, 1, evidence)
    return ExerciseResult("tiny", "threads", verdict, 0, 100, 0.1, {"path": path, "sha256": "0" * 64}, (check,))


def printed(lines: list[Text]) -> str:
    """What the command prints, as the bytes of a terminal would be."""
    file = io.StringIO()
    console = Console(file=file, width=80, highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)
    return file.getvalue().encode("utf-8").decode()


@EXAMPLES
@given(HOSTILE)
@example("x" * 75 + "::error::y")
def test_visible_text_steers_nothing_and_stays_as_it_is(text: str) -> None:
    once = visible(text)
    assert not STEERS.search(once)
    assert not OBEYED.search(once)
    assert visible(once) == once
    assert "\n" not in visible(text, one_line=True)
    for at in range(len(once)):  # wherever a line is broken
        assert not OBEYED.search(once[at:])


@pytest.mark.parametrize(
    "text", ["a[::2]", "x: int", "# a comment", "## heading", "caf\xe9 \u65e5\u672c \U0001f600", "a\n  b"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert visible(text) == text


@EXAMPLES
@given(HOSTILE, HOSTILE, HOSTILE, BAD, HOSTILE)
@example("z" * 70 + "::error::m", "::warning::a", "::set-env name=PATH::b", Verdict.FAILED, "##[error]")
def test_the_terminal_gets_harmless_lines(message: str, advice: str, path: str, verdict: Verdict, token: str) -> None:
    out = printed(list(terminal.exercise(result_of(message, advice, path, verdict, token))))
    assert not STEERS.search(out)
    assert not OBEYED.search(out)


@EXAMPLES
@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_replayed_schedule_is_harmless(thread: str, source: str, value: str) -> None:
    step = {"thread": thread, "file": "a.py", "line": 1, "source": source, "state": {value: value}}
    out = printed([*schedule.legend([step]), *schedule.rows([step])])
    assert not STEERS.search(out)
    assert not OBEYED.search(out)


@EXAMPLES
@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(Verdict), HOSTILE)
def test_reports_are_valid_xml_and_strict_json(
    message: str, advice: str, path: str, verdict: Verdict, token: str
) -> None:
    result = result_of(message, advice, path, verdict, token)
    report = Report("2026-01-01T00:00:00Z", 0, {}, 0, 100, (result,))
    xml = junit.junit(report)
    assert len(ElementTree.fromstring(xml.encode("utf-8")).findall(".//testcase")) == 1
    assert not OBEYED.search(xml)
    text = to_json(report)
    assert not OBEYED.search(text)
    assert not STEERS.search(text)
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["exercises"][0]["checks"][0]
    text.encode("ascii")
    json.dumps(read, ensure_ascii=False).encode("utf-8")  # no half of a surrogate pair
    if not re.search("[\ud800-\udfff]", message):
        assert read["message"] == message


@EXAMPLES
@given(HOSTILE, HOSTILE)
@example("a; rm -rf ~", "$(id).py")
def test_the_command_to_copy_is_made_of_plain_words(token: str, path: str) -> None:
    lines = [text.plain for text in terminal.exercise(result_of("m", "a", path or "x", Verdict.FAILED, token or "t"))]
    first = next(number for number, line in enumerate(lines) if "See it:" in line)
    command = "\n".join(lines[first:]).replace("\\\n", "")  # a shell reads it so, too
    words = shlex.split(command.strip().removeprefix("See it: "))
    assert words == ["grader", "replay", "tiny", visible(token or "t", one_line=True), "--submission", visible(path or "x", one_line=True)]  # fmt: skip
