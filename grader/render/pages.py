"""What all pages share: templates whose every value is escaped, one style, one script, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from grader.render.markup import prose, safe
from grader.verdict import Verdict

MARKS = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.HUNG: "‖",
    Verdict.CRASHED: "↯",
    Verdict.NOT_STARTED: "○",
    Verdict.INCONCLUSIVE: "≈",
    Verdict.ERROR: "!",
}


def rendered(template: str, styles: tuple[str, ...], scripts: tuple[str, ...], **values: object) -> str:
    """The page, with its style sheets and its scripts in it."""
    style, code = "".join(map(_file, styles)), "".join(map(_file, scripts))
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(code)}'; base-uri 'none'; form-action 'none'"
    page = _environment().get_template(template)
    return page.render(style=Markup(style), script=Markup(code), policy=Markup(policy), **values)


@cache
def _environment() -> jinja2.Environment:
    """Every value goes through `safe`, whatever a template does with it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("grader.render"), autoescape=True, finalize=safe, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["prose"] = prose
    return environment


def _file(name: str) -> str:
    return (resources.files("grader.render") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
