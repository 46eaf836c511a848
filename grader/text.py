"""Text of submissions made harmless: for terminals, for XML, and for the logs of CI systems, which obey some lines."""

from __future__ import annotations

import re

# Control characters but tab and newline, other line ends, characters that turn the direction of writing or are
# invisible, halves of surrogate pairs, and what XML forbids.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff]"
)
# GitHub obeys `::error ...` after any indentation and `##[error]` anywhere in a line; others have `##vso[`, `##teamcity[`.
# Everywhere, and not only where a line begins: wrapping may begin a new one at any place.
_COMMAND = re.compile(r":(?=:[A-Za-z])|#(?=#\w*\[)")


def visible(text: str, *, one_line: bool = False) -> str:
    """`text` with everything that could steer a terminal or a CI system shown as an escape. Doing it again changes nothing."""
    text = harmless(text)
    if one_line:
        text = text.replace("\n", "\\n")
    return _COMMAND.sub(_escape, text)


def harmless(text: str) -> str:
    """`text` without control characters and invisible ones; what only CI systems obey stays as it is."""
    return _CONTROL.sub(_escape, text.replace("\t", "    "))


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
