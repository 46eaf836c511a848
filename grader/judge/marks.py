"""Decorators of check files."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from grader.verdict import Kind

T = TypeVar("T")
INSIDE = "__grader_inside__"
NOT_INSIDE = re.compile(r"pytest\b|grader\b(?!\.explore\b)")  # what is of use only in the judge


def kind(name: str) -> pytest.MarkDecorator:
    """What a check looks at; decides which points it pays. Raises ValueError for an unknown kind."""
    return pytest.mark.kind(Kind(name))


def scenario(thing: T) -> T:
    """Marks a function or class that plays inside the submission's process (and is importable there)."""
    setattr(thing, INSIDE, True)
    return thing


def is_inside(thing: object) -> bool:
    return bool(getattr(thing, INSIDE, False)) and callable(thing) and hasattr(thing, "__qualname__")


def scenarios_source(check_file: Path) -> str:
    """The part of a check file that the submission may have: its imports and everything marked `@scenario`.

    All other lines are blank, so that line numbers stay those of the check file.
    """
    text = check_file.read_text(encoding="utf-8")
    lines = text.splitlines()
    kept: set[int] = set()
    for node in ast.parse(text).body:
        if (isinstance(node, ast.ImportFrom) and not NOT_INSIDE.match(node.module or "")) or (
            isinstance(node, ast.Import) and not NOT_INSIDE.match(node.names[0].name)
        ):
            kept |= _lines_of(node, node.lineno)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and _is_marked(node):
            kept |= _lines_of(node, node.decorator_list[-1].end_lineno or node.lineno)
            for decorator in node.decorator_list:
                if not _is_scenario(decorator):
                    kept |= _lines_of(decorator, decorator.lineno)
                else:
                    kept -= _lines_of(decorator, decorator.lineno)
    return "\n".join(line if number in kept else "" for number, line in enumerate(lines, 1)) + "\n"


def _lines_of(node: Any, first: int) -> set[int]:
    return set(range(first, (node.end_lineno or first) + 1))


def _is_scenario(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id == "scenario"


def _is_marked(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(_is_scenario(decorator) for decorator in node.decorator_list)


Function = Callable[..., Any]
