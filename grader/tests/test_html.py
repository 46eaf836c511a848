"""The page as text: what stands in it, and that nothing of a submission gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from grader.render.drawings import MOST_NODES, wait_graph
from grader.render.html import page
from grader.render.lanes import graph
from grader.tests import reports
from grader.verdict import Kind, Report, Verdict, from_json, to_json

VOID = {"meta", "input", "link", "br"}
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>]]>&lt;\u202eevil\x00\x1b[2J\ud800 {{ 7 * 7 }} ::error:: ##[error]"


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects what there is."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.mark.parametrize("name", reports.CASES)
def test_every_kind_of_report_is_a_well_formed_page(name: str) -> None:
    found = Page(page(reports.CASES[name], reports.SOURCES))
    assert found.open == []
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", reports.CASES)
def test_pictures_are_well_formed_and_have_names(name: str) -> None:
    for drawing in re.findall(r"<svg.*?</svg>", page(reports.CASES[name]), re.DOTALL):
        assert ElementTree.fromstring(drawing).attrib["aria-label"]


def test_the_page_says_score_verdicts_and_environment() -> None:
    words = Page(page(reports.CASES["race"], reports.SOURCES)).words
    for text in ("counter", "✗ failed", "✓ passed", "Python 3.11.7", "linux-x86_64, 2 cores", "bubblewrap", "Seed 0"):
        assert text in words


def test_a_failed_check_has_the_words_of_the_terminal() -> None:
    words = Page(page(reports.CASES["race"], reports.SOURCES)).words
    for text in (
        "An update was lost.",
        "thread 2 held no lock.",
        "Think: What must be one step",
        "grader replay counter kt1-3a-0c11b",
    ):
        assert text in words


def test_what_stands_between_backticks_is_code() -> None:
    (exercise,) = reports.CASES["leak"].exercises
    told = replace(exercise.checks[1], advice="Use `with <x>` and `finally`.")
    text = page(replace(reports.CASES["leak"], exercises=(replace(exercise, checks=(told,)),)))
    assert "Use <code>with &lt;x&gt;</code> and <code>finally</code>." in text


def test_all_that_was_left_behind_is_named() -> None:
    words = Page(page(reports.CASES["leak"])).words
    assert all(thing in words for thing in reports.LEAK["left"])


def test_what_failed_is_open_and_what_passed_is_folded() -> None:
    checks = [
        a
        for name, a in Page(page(reports.CASES["race"])).elements
        if name == "details" and "check" in (a["class"] or "")
    ]
    assert ["open" in attributes for attributes in checks] == [False, True]


def test_an_inconclusive_check_says_why_without_a_click() -> None:
    report = reports.failed(reports.TRIALS, Verdict.INCONCLUSIVE, Kind.SPEEDUP)
    checks = [a for name, a in Page(page(report)).elements if name == "details" and "check" in (a["class"] or "")]
    assert ["open" in attributes for attributes in checks] == [False, True]
    assert "bad" not in (checks[1]["class"] or "")


def test_every_step_stands_in_the_list_with_what_changed() -> None:
    found = Page(page(reports.CASES["race"], reports.SOURCES))
    assert sum("data-line" in a and name == "li" for name, a in found.elements) == len(reports.RACE["steps"])
    assert "self.value = 1" in found.words
    assert "holds self._lock" in found.words


def test_the_source_is_shown_only_if_it_is_the_one_that_was_checked() -> None:
    assert "class Counter" in Page(page(reports.CASES["race"], reports.SOURCES)).words
    assert "class Counter" not in Page(page(reports.CASES["race"], {"0" * 64: reports.SOURCE})).words


def test_lines_that_only_repeat_the_picture_are_left_out() -> None:
    from grader.judge import trace

    (exercise,) = reports.CASES["race"].exercises
    lines = trace.lines(reports.RACE["steps"])
    told = replace(exercise.checks[1], message="\n".join(["Lost.", "A note.", *lines]))
    words = Page(page(replace(reports.CASES["race"], exercises=(replace(exercise, checks=(told,)),)))).words
    assert "A note." in words
    assert all(line not in words for line in lines)


def test_nothing_is_loaded_and_only_the_pages_own_script_and_style_run() -> None:
    text = page(reports.CASES["race"], reports.SOURCES)
    found = Page(text)
    for _, attributes in found.elements:
        assert not {"src", "style", "srcset", "action", "formaction"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(a["content"] or "" for _, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def spoiled(value: Any, keep: tuple[str, ...] = ("type", "verdict", "kind", "schema", "created")) -> Any:
    """Hostile text instead of every text, also of names in dictionaries that are free."""
    if isinstance(value, dict):
        spoilt = {k: v if k in keep else spoiled(v) for k, v in value.items()}
        return {HOSTILE + k: v for k, v in spoilt.items()} if "self.value" in value else spoilt
    if isinstance(value, list):
        return [spoiled(item) for item in value]
    return HOSTILE + value if isinstance(value, str) else value


@pytest.mark.parametrize("name", reports.CASES)
def test_hostile_text_stays_text_wherever_it_stands(name: str) -> None:
    import json

    report = from_json(json.dumps(spoiled(json.loads(to_json(reports.CASES[name])))))
    honest, hostile = Page(page(reports.CASES[name])), page(report)
    found = Page(hostile)
    assert found.open == []
    assert {tag for tag, _ in found.elements} <= {tag for tag, _ in honest.elements} | {"a", "nav"}
    assert found.count("script") == found.count("style") == 1
    assert found.count("img") == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", hostile)
    assert "::error" not in hostile
    assert "##[" not in hostile
    assert "{{ 7 * 7 }} ::error:: ##[error]" in found.words
    for drawing in re.findall(r"<svg.*?</svg>", hostile, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_hostile_source_stays_source() -> None:
    source = f"x = 1  # {HOSTILE}\ny = '''{HOSTILE}'''\n"
    hostile = page(reports.CASES["race"], {reports.SHA: source})
    found = Page(hostile)
    assert found.open == []
    assert found.count("script") == 1
    assert found.count("img") == 0
    assert "y = '''</script><script>alert(1)" in "".join(found.text)


def test_a_report_survives_its_json() -> None:
    for report in reports.CASES.values():
        again: Report = from_json(to_json(report))
        assert to_json(again) == to_json(report)
        assert again.exercises[0].checks[0].verdict in Verdict


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "grader/report/v2"}', '{"schema": "grader/report/v1"}', "[" * 100_000]
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason
        from_json(text)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 12])
def test_a_graph_of_any_size_lies_inside_its_frame(count: int) -> None:
    waits = [
        {"thread": f"t{n}", "waits": "for a lock", "holder": f"t{(n + 1) % count}", "line": n} for n in range(count)
    ]
    drawing = ElementTree.fromstring(wait_graph(graph(waits), "k", "Who waits for whom"))
    width, height = (float(drawing.attrib[name]) for name in ("width", "height"))
    boxes = [e.attrib for e in drawing.iter() if e.attrib.get("class", "").startswith("node") and "width" in e.attrib]
    assert len(boxes) == min(count, MOST_NODES)
    for box in boxes:
        assert 0 <= float(box["x"]) <= width - float(box["width"])
        assert 0 <= float(box["y"]) <= height - float(box["height"])
