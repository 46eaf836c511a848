"""Functions of the judge that a submission calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.sandbox import wire
from grader.sandbox.callbacks import Callbacks


def reply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[dict[str, Any], Callbacks]:
    callbacks = Callbacks()
    number = callbacks.number_of(function)
    message = {"function": number, "args": wire.encode(list(args)), "kwargs": wire.encode(kwargs)}
    return callbacks.answer(message), callbacks


def save(key: str, size: int = 0, share: float = 0.5, more: str | None = None, *rest: int) -> str:
    return key.upper()


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [(["a"], {}), (["a", 3, 1], {}), (["a"], {"more": None}), (["a", True, 0.25, "b", 3, 4], {}), ([], {"key": "a"})],
)
def test_what_fits_is_called(args: list[Any], kwargs: dict[str, Any]) -> None:
    answer, callbacks = reply(save, *args, **kwargs)
    assert answer == {"value": wire.encode("A")}
    assert callbacks.error is None


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ([3], {}, "save(): key must be of type str, not int"),
        ([], {}, "save(): missing a required argument: 'key'"),
        (["a"], {"colour": 1}, "save(): got an unexpected keyword argument 'colour'"),
        (["a", "b"], {}, "save(): size must be of type int, not str"),
        (["a", 1, "b"], {}, "save(): share must be of type float, not str"),
        ([None], {}, "save(): key must be of type str, not NoneType"),
    ],
)
def test_what_does_not_fit_is_the_callers_type_error(args: list[Any], kwargs: dict[str, Any], words: str) -> None:
    answer, callbacks = reply(save, *args, **kwargs)
    assert answer == {"raise": ["TypeError", words]}
    assert callbacks.error is None


def test_an_error_that_the_check_orders_reaches_the_caller() -> None:
    def load(key: str) -> str:
        raise ConnectionResetError("gone")

    answer, callbacks = reply(load, "a")
    assert answer == {"raise": ["ConnectionError", "gone"]}
    assert callbacks.error is None


def test_an_error_of_the_judges_own_is_kept_for_the_check() -> None:
    def load(key: str) -> str:
        raise AssertionError("a bug of the check")

    answer, callbacks = reply(load, "a")
    assert answer["raise"][0] == "RuntimeError"
    assert isinstance(callbacks.error, AssertionError)


def test_functions_without_a_signature_are_called_as_they_are() -> None:
    assert reply(dict, a=1)[0] == {"value": wire.encode({"a": 1})}
    assert reply(print, sep=3)[0]["raise"][0] == "TypeError"


@pytest.mark.parametrize("number", [7, -1, True, "0", None])
def test_a_call_of_nothing_is_no_call(number: object) -> None:
    callbacks = Callbacks()
    callbacks.number_of(save)
    with pytest.raises(wire.WireError):
        callbacks.answer({"function": number, "args": ["l"], "kwargs": ["d"]})
