"""The page in a real browser: quiet, accessible, usable by keyboard, on a phone, on paper and without a script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from grader.render.class_page import page as class_page_of
from grader.render.html import page as page_of
from grader.tests import classes, reports

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; Debian's package of that name has it")
KINDS = ("everything", "several", "passed")  # all kinds of evidence, all verdicts, nothing but folded checks
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
PHONE = {"width": 360, "height": 740}
CLASS_PAGES = {
    f"class of {name}": class_page_of(
        one,
        classes.TITLES,
        classes.MISCONCEPTIONS,
        {graded.person.identifier: f"people/{n}.html" for n, graded in enumerate(one.people)},
    )
    for name, one in classes.CLASSES.items()
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page of a report or of a class; at the end nothing may have been said on the console or asked of any server."""
    said: list[str] = []
    asked: list[str] = []
    pages: list[Page] = []

    def open_(name: str, **options: object) -> Page:
        path = tmp_path / f"{name}.html"
        text = CLASS_PAGES[name] if name in CLASS_PAGES else page_of(reports.CASES[name], reports.SOURCES)
        path.write_text(text, encoding="utf-8")
        page = browser.new_page(**options)  # type: ignore[arg-type]
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for page in pages:
        page.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == len(pages)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*KINDS, *(f"class of {name}" for name in ("nobody", "small", "spoilt"))])
def test_axe_finds_nothing(opened: Callable[..., Page], name: str, scheme: str) -> None:
    page = opened(name, color_scheme=scheme)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found["violations"]] == []


@pytest.mark.parametrize("name", [*KINDS, *CLASS_PAGES])
def test_on_a_phone_only_pictures_and_source_scroll_sideways(opened: Callable[..., Page], name: str) -> None:
    page = opened(name, viewport=PHONE)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_arrow_keys_step_through_a_schedule(opened: Callable[..., Page]) -> None:
    page = opened("race")
    now = page.locator(".now")
    expect(now).to_have_text("Step 1 of 7: thread 1 is about to run line 13.")
    page.get_by_role("button", name="Next").focus()
    for key, words in (("ArrowRight", "Step 2"), ("End", "Step 7"), ("ArrowLeft", "Step 6"), ("Home", "Step 1")):
        page.keyboard.press(key)
        expect(now).to_contain_text(words)


def test_the_slider_steps_too_and_tells_screen_readers_where_it_is(opened: Callable[..., Page]) -> None:
    page = opened("race")
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "Step 2 of 7: thread 1 is about to run line 14.")


def test_a_step_shows_its_line_what_changed_and_the_locks_held(opened: Callable[..., Page]) -> None:
    page = opened("race")
    for _ in range(5):
        page.get_by_role("button", name="Next").click()
    expect(page.locator(".line.runs .no")).to_have_text("15")
    expect(page.locator(".line.runs .here")).to_contain_text("thread 1")
    expect(page.locator(".variables .changed")).to_have_text(["self.value1"])
    expect(page.locator(".locks")).to_have_text("thread 1 holds self._lock")


def test_everything_that_acts_is_reached_with_the_tab_key(opened: Callable[..., Page]) -> None:
    page = opened("deadlock")
    acting = page.evaluate(
        """[...document.querySelectorAll('summary, button, input, a, [tabindex]')].filter(e => e.checkVisibility()).length"""
    )
    reached = set()
    for _ in range(acting + 1):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached - {-1}) >= acting


def test_a_click_into_the_picture_goes_to_that_step(opened: Callable[..., Page]) -> None:
    page = opened("race")
    picture = page.locator("svg.lanes")
    left, step = (float(picture.get_attribute(name) or 0) for name in ("data-left", "data-step"))
    picture.click(position={"x": left + 3.5 * step, "y": 60})
    expect(page.locator(".now")).to_contain_text("Step 4")


def test_without_a_script_all_steps_are_listed(opened: Callable[..., Page]) -> None:
    page = opened("race", java_script_enabled=False)
    expect(page.locator(".stepper")).to_be_hidden()
    expect(page.locator(".moments > li")).to_have_count(7)
    expect(page.locator(".moments > li").last).to_be_visible()


def test_on_paper_the_ground_is_white_and_the_steps_are_a_list(opened: Callable[..., Page]) -> None:
    page = opened("race", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".stepper")).to_be_hidden()
    expect(page.locator(".moments > li").last).to_be_visible()


def first_cells(page: Page) -> list[str]:
    return page.locator(".everybody tbody th a, .everybody tbody th:not(:has(a))").all_text_contents()


def test_the_class_can_be_sorted_by_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("class of small")
    assert first_cells(page) == ["Ada Lovelace", "Bo Ek", "Chen Øster, Jr.", "dee", "Eve Ning", "Finn"]
    page.get_by_role("button", name="Points").focus()
    page.keyboard.press("Enter")
    assert first_cells(page) == ["Eve Ning", "Finn", "Chen Øster, Jr.", "dee", "Bo Ek", "Ada Lovelace"]
    expect(page.get_by_role("columnheader", name="Points")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("status")).to_have_text("Sorted by Points, ascending.")
    page.keyboard.press("Space")
    assert first_cells(page)[0] == "Ada Lovelace"
    expect(page.get_by_role("columnheader", name="Points")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Person").press("Enter")
    assert first_cells(page)[:2] == ["Ada Lovelace", "Bo Ek"]
    expect(page.locator("[aria-sort]")).to_have_count(1)


def test_the_class_is_complete_without_a_script(opened: Callable[..., Page]) -> None:
    page = opened("class of small", java_script_enabled=False)
    expect(page.locator(".everybody tbody tr")).to_have_count(6)
    expect(page.get_by_text("The head of a column sorts by it.")).to_be_hidden()
    expect(page.locator(".everybody button")).to_have_count(0)


def test_on_paper_everybody_in_the_class_is_there(opened: Callable[..., Page]) -> None:
    page = opened("class of many", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    expect(page.locator("details.to-read:not([open])")).to_have_count(0)
