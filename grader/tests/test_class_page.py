"""The page of a class: the numbers are right, every rule is printed, and no name gets out of its place."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from grader.classroom.results import ClassResults, Graded, Person
from grader.render import class_numbers
from grader.render.class_page import page
from grader.tests import classes
from grader.tests.test_html import Page


def of(r: ClassResults, hrefs: dict[str, str] | None = None) -> str:
    return page(r, classes.TITLES, classes.MISCONCEPTIONS, hrefs or {})


@pytest.mark.parametrize("name", classes.CLASSES)
def test_every_class_is_a_well_formed_page(name: str) -> None:
    text = of(classes.CLASSES[name])
    found = Page(text)
    assert found.open == []
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {a["href"] for tag, a in found.elements if tag == "a"}
    assert links <= {f"#{place}" for place in ids}
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_a_small_class_is_told_in_words() -> None:
    words = Page(of(classes.SMALL)).words
    for text in (
        "6 people, 3 exercises",
        "The median of 5 people is 50% of the points",
        "This page holds names and results of people",
        "old.zip cannot be unpacked",
        "2 passed 3 not handed in 1 fault of the grader",
        "Finn finn handed in nothing",
        "looks at the grader in bank : line 3: imports gc",
        "dee fault of the grader in pages",
        "50 of 100",
    ):
        assert text in words


@pytest.mark.parametrize("name", ["nobody", "nothing"])
def test_a_class_without_results_says_so(name: str) -> None:
    r = classes.of([Graded(Person("ada"))], ()) if name == "nothing" else classes.CLASSES[name]
    assert "There are no results." in Page(of(r)).words


def test_when_all_passed_nobody_needs_help_and_nothing_is_hard() -> None:
    words = Page(of(classes.CLASSES["all passed"])).words
    assert "Nobody fails a check." in words
    assert class_numbers.needs_help(classes.CLASSES["all passed"]) == []


def test_each_person_is_in_one_part_of_each_bar_and_in_the_spread() -> None:
    for one in classes.CLASSES.values():
        assert all(ends.people == len(one.people) for ends in class_numbers.ends(one))
        spread = class_numbers.spread(one)
        assert sum(spread.bins) + spread.handed_in_nothing + spread.left_out == len(one.people)


def test_who_has_everything_is_in_the_last_bin() -> None:
    assert class_numbers.spread(classes.CLASSES["all passed"]).bins == (0,) * 9 + (12,)


def test_only_people_for_whom_a_check_was_judged_count_for_it() -> None:
    people = [
        classes.graded(classes.ADA, end)
        for end in (classes.RIGHT, classes.RACY, classes.HUNG, classes.EMPTY, classes.NOTHING, None)
    ]
    found = {hard.title: hard for hard in class_numbers.hardest(classes.of(people), classes.MISCONCEPTIONS)}
    lost = found["No update is lost between two threads"]
    assert (lost.failed, lost.judged, len(lost.likely)) == (1, 3, 2)
    assert "On two cores it is faster than one by one" not in found  # it was not measured for those who fail


def test_misconceptions_share_a_first_failure() -> None:
    people = [classes.graded(classes.ADA, end) for end in (classes.RACY, classes.RACY, classes.HUNG, classes.RACY)]
    found, unknown = class_numbers.likely(classes.of(people), classes.MISCONCEPTIONS)
    assert [(likely.tag, likely.weight) for likely in found] == [("M03", 1.5), ("M05", 1.5), ("M07", 1)]
    assert found[0].text == "the GIL makes my code atomic"
    assert unknown == 0


def test_a_file_that_passes_nothing_points_to_no_misconception() -> None:
    broken = [classes.graded(classes.ADA, (classes.C,) * 6)]
    assert class_numbers.likely(classes.of(broken), classes.MISCONCEPTIONS) == ([], 1)


def test_variants_of_a_misconception_are_one() -> None:
    told = {"counter": {"test_no_update_is_lost": ["M05 check outside (twice)", "M05 locking the change is enough"]}}
    told["bank"] = {"test_swaps_always_end": ["M05 locking the change is enough"]}
    (found,), _ = class_numbers.likely(classes.of([classes.graded(classes.ADA, classes.RACY)]), told)
    assert (found.tag, found.text, found.weight) == ("M05", "locking the change is enough", 1)


def test_each_rule_of_needing_help_finds_its_people() -> None:
    usual = [classes.graded(Person(f"p{n}"), classes.RIGHT, classes.RIGHT, classes.RIGHT) for n in range(12)]
    special = [
        Graded(Person("nothing")),
        classes.graded(Person("few"), classes.CRASHED, classes.CRASHED, classes.RACY),
        classes.graded(Person("late"), classes.RIGHT, classes.EMPTY, None),
        classes.graded(Person("alone"), classes.RIGHT, classes.RIGHT, classes.STUCK_ALONE),
    ]
    found = {
        help_.graded.person.identifier: help_.reasons for help_ in class_numbers.needs_help(classes.of(usual + special))
    }
    assert next(iter(found)) == "nothing"
    assert found["nothing"] == ("handed in nothing",)
    assert "has 17% of the points" in found["few"]
    assert "has not begun 2 of 3 exercises" in found["late"]
    assert found["alone"] == ("is the only one to fail a check of pages",)
    assert set(found) == {"nothing", "few", "late", "alone"}
    words = Page(of(classes.of(usual + special))).words
    assert all(rule in words for rule in class_numbers.rules())


def test_where_many_fail_nobody_is_alone() -> None:
    people = [classes.graded(Person(f"p{n}"), classes.RACY, classes.RACY, classes.RACY) for n in range(12)]
    assert class_numbers.needs_help(classes.of(people)) == []


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " javascript:alert(1)",
        "//a.example",
        "https://a.example",
        "/etc",
        "\\\\a",
        "data:,x",
        "java\tscript:x",
        "\x01javascript:x",
        "//[::",
    ],
)
def test_only_relative_links_are_made(href: str) -> None:
    r = classes.CLASSES["one"]
    links = [a["href"] or "" for tag, a in Page(of(r, {"ada": href})).elements if tag == "a"]
    assert all(link.startswith("#") for link in links)
    assert ("a", {"href": "people/ada.html"}) in Page(of(r, {"ada": "people/ada.html"})).elements


def test_hostile_names_stay_text_wherever_they_stand() -> None:
    text = of(classes.SPOILT, {classes.HOSTILE: f"people/{classes.HOSTILE}.html"})
    found, honest = Page(text), Page(of(classes.SMALL))
    assert found.open == []
    assert {tag for tag, _ in found.elements} <= {tag for tag, _ in honest.elements}
    assert found.count("script") == found.count("style") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", text)
    assert "::error" not in text
    assert "##[" not in text
    assert "{{ 7 * 7 }}" in found.words
    for _, attributes in found.elements:
        assert not {"src", "style", "srcset", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)


def test_titles_that_nobody_gave_are_slugs() -> None:
    assert "counter counter" in Page(page(classes.CLASSES["one"], {}, {}, {})).words


def test_a_person_in_two_sections_of_the_same_name_keeps_an_own_row() -> None:
    twins = [classes.graded(replace(classes.ADA, identifier=name), classes.RIGHT) for name in ("ada-1", "ada-2")]
    words = Page(of(classes.of(twins))).words
    assert "ada-1" in words
    assert "ada-2" in words
