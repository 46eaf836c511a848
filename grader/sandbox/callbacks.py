"""Functions of the judge that a submission may call: what comes is checked before it reaches them."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import reprlib
import typing
from collections.abc import Callable
from typing import Any

from grader.sandbox import wire
from grader.timeline import Timeline

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class _Brief(reprlib.Repr):
    def repr_Record(self, value: wire.Record, level: int) -> str:  # noqa: N802 - reprlib asks by the name of the class
        return f"{value.__dict__['_type_name']}(...)"


BRIEF = _Brief()
BRIEF.maxlevel = BRIEF.maxdict = 2
BRIEF.maxlist = BRIEF.maxtuple = BRIEF.maxset = 3
BRIEF.maxstring = BRIEF.maxother = BRIEF.maxlong = 24
CHECKED = (str, int, float, bytes, bool, list, dict)  # annotations of plain data


class Callbacks:
    """`error`: what a function of the judge raised that is no answer to the submission, but the judge's own affair."""

    def __init__(self, timeline: Timeline | None = None) -> None:
        self._timeline = timeline or Timeline()
        self._functions: list[_Function] = []
        self.error: BaseException | None = None

    def number_of(self, function: Callable[..., Any]) -> int:
        """The number under which the submission can call this function."""
        self._functions.append(_Function(function))
        return len(self._functions) - 1

    def answer(self, message: dict[str, Any], pid: int = 0, line: int = 0) -> dict[str, Any]:
        """The reply to a call, which came from this process on its connection number `line`. Raises WireError for what is no call."""
        function, args, kwargs = self._call(message)
        noted = self._timeline.call(lambda: function.written(args, kwargs), pid, line)
        try:
            return {"value": wire.encode(function.call(args, kwargs))}
        except Exception as error:
            name = next((c.__name__ for c in type(error).__mro__ if c.__name__ in wire.RETURNABLE), None)
            if name is None:
                self.error = self.error or error
            return {"raise": [name or "RuntimeError", str(error)]}
        finally:
            self._timeline.close(noted)

    def _call(self, message: dict[str, Any]) -> tuple[_Function, list[Any], dict[str, Any]]:
        try:
            number = message["function"]
            if type(number) is not int or number < 0:
                raise wire.WireError("a call of nothing")
            function = self._functions[number]
            args, kwargs = wire.decode(message["args"]), wire.decode(message["kwargs"])
        except (KeyError, IndexError) as error:
            raise wire.WireError("a call of nothing") from error
        if not isinstance(args, list) or not isinstance(kwargs, dict) or not all(isinstance(k, str) for k in kwargs):
            raise wire.WireError("arguments of no known form")
        return function, args, kwargs


class _Function:
    """A function, and which of its arguments are annotated as plain data."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._name = getattr(function, "__name__", "the function")
        self._kinds: dict[str, type] = {}
        self._signature: inspect.Signature | None = None
        with contextlib.suppress(ValueError, TypeError):  # a built-in function may have no signature
            self._signature = inspect.signature(function)
        many = {name for name, p in self._signature.parameters.items() if p.kind in MANY} if self._signature else set()
        with contextlib.suppress(NameError, TypeError):  # only its own scope may know the types
            hints = typing.get_type_hints(function)
            self._kinds = {name: kind for name, kind in hints.items() if kind in CHECKED and name not in many}

    def written(self, args: list[Any], kwargs: dict[str, Any]) -> str:
        """The call in a few words, as it stands in source code."""
        said = [BRIEF.repr(value) for value in args[:5]]
        said += [f"{key[:20]}={BRIEF.repr(kwargs[key])}" for key in itertools.islice(kwargs, 5)]
        return f"{self._name if self._name.isidentifier() else 'function'}({', '.join(said[:4])}{', ...' * (len(said) > 4)})"

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Raises TypeError, which the submission gets to see, for arguments that do not fit."""
        if self._signature is not None:
            for name, value in self._bind(args, kwargs).items():
                kind = self._kinds.get(name)
                if kind is not None and not isinstance(value, (int, float) if kind is float else kind):
                    raise TypeError(f"{self._name}(): {name} must be of type {kind.__name__}, not {_kind_of(value)}")
        return self._function(*args, **kwargs)

    def _bind(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        assert self._signature is not None
        try:
            return self._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self._name}(): {error}") from None


def _kind_of(value: object) -> str:
    return str(value.__dict__["_type_name"]) if isinstance(value, wire.Record) else type(value).__name__
