"""Text on its way into HTML and SVG: the one place where it is made harmless and escaped."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup, escape

from grader.text import harmless


def safe(value: Any) -> Markup:
    """`value` as text of an element or of an attribute in quotes. What is markup already stays as it is.

    CI systems obey `::` and `##` in what is printed, also in a page that goes to standard output: HTML can say them otherwise.
    """
    if isinstance(value, Markup):
        return value
    return Markup(str(escape(harmless(str(value)))).replace("##", "#&#35;").replace("::", ":&#58;"))


def prose(text: str) -> Markup:
    """A sentence, with what stands between backticks as code."""
    parts = re.split(r"`([^`\n]+)`", text)
    return Markup(
        "".join(f"<code>{safe(part)}</code>" if number % 2 else str(safe(part)) for number, part in enumerate(parts))
    )
