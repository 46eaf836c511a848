"""How a check says what it wants, and how it fails."""

from __future__ import annotations

import ast
from typing import Any

from grader.sandbox.wire import Raised, Record


class CheckFailed(AssertionError):
    """The submission does not do what the check wants. `evidence` goes into the report as it is."""

    def __init__(self, message: str, idea: str = "", evidence: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message, self.idea, self.evidence = message, idea, evidence


class Inconclusive(Exception):
    """It could not be measured here; costs no points. The text is the reason."""


class NotStarted(Exception):
    """Every function that the checks call is still the stub."""


def is_untouched(source: bytes, functions: tuple[str, ...]) -> bool:
    """Does every one of these functions and classes do nothing but raise NotImplementedError? Then no check needs to run."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    defined = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    return all(name in defined and _is_stub(defined[name]) for name in functions)


def _is_stub(node: ast.stmt) -> bool:
    """A function that only raises NotImplementedError, or a class with methods, all of which are that."""
    if isinstance(node, ast.ClassDef):
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        return bool(methods) and all(_is_stub(method) for method in methods)
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    *before, last = node.body
    if before and ast.unparse(last) == "yield":  # nothing reaches it: it only makes a generator of the function
        *before, last = before
    return ast.unparse(last) == "raise NotImplementedError" and all(isinstance(s, ast.Expr) for s in before)


def expect(condition: object, message: str, *, idea: str = "", evidence: dict[str, Any] | None = None) -> None:
    """Fail the check unless `condition` holds: what happened, and what to think about next."""
    __tracebackhide__ = True
    if not condition:
        raise CheckFailed(message, idea, evidence)


def records(value: object, name: str, /, **fields: type | tuple[type, ...]) -> list[Record]:
    """`value` as a list of objects that have these fields of these types. Fails the check otherwise."""
    __tracebackhide__ = True
    expect(
        isinstance(value, list | tuple),
        f"The result is {shown(value)}; a list of {name} objects was expected.",
        idea="The contract in the README says what the function returns.",
    )
    assert isinstance(value, list | tuple)
    for position, item in enumerate(value):
        expect(
            isinstance(item, Record),
            f"Item {position} of the result is {shown(item)}; a {name} object was expected.",
            idea=f"Return {name} objects, as the stub defines them.",
        )
        for field, wanted in fields.items():
            expect(
                field in item.__dict__,
                f"Item {position} of the result is a {shown(item)} without the field '{field}'.",
                idea=f"Return {name} objects, as the stub defines them.",
            )
            found = item.__dict__[field]
            expect(
                _is_a(found, wanted),
                f"The field '{field}' of item {position} is {shown(found)}; {_names(wanted)} was expected.",
                idea="The stub's annotations say which types the fields have.",
            )
    return list(value)


def _is_a(value: object, wanted: type | tuple[type, ...]) -> bool:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if isinstance(value, bool) and bool not in kinds and object not in kinds:
        return False
    if isinstance(value, Raised) and any(isinstance(k, type) and issubclass(k, BaseException) for k in kinds):
        return True
    return isinstance(value, kinds)


def _names(wanted: type | tuple[type, ...]) -> str:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    return " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)


def shown(value: object) -> str:
    """A value in a few words, never long."""
    if isinstance(value, Record):
        return f"{value.__dict__['_type_name']} object"
    if isinstance(value, Raised):
        return f"the exception {value.type}"
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:50]}..."
