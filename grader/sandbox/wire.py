"""The wire between judge and submission: length-prefixed JSON, plain data only, nothing is ever unpickled.

A frame is four bytes of length (big endian) and that many bytes of JSON. Scalars stand for themselves, everything else
is a list that begins with a tag: `["l", ...]` list, `["t", ...]` tuple, `["s", ...]` set, `["d", [key, value], ...]` dict,
`["b", base64]` bytes, `["i", hex]` large int, `["p", text]` path, `["x", {...}]` exception, `["r", type, {field: value}]`
any other object, and towards the submission `["call", n]`, `["inside", name]`, `["array", path, memmap]`.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

LIMIT = 4 << 20  # bytes of a frame from the submission
DEPTH = 60
LAST_LINE = 10**9
LONGEST_INT = 3500  # hexadecimal digits: Python refuses to print integers of more than 4300 decimal ones
SAFE_INT = 1 << 53
# Larger keys can be chosen to share one hash (they are taken modulo 2**61 - 1), and a dict of them costs quadratic time.
LARGEST_KEY = (1 << 61) - 2
RETURNABLE: dict[str, type[Exception]] = {
    t.__name__: t for t in (ValueError, RuntimeError, OSError, KeyError, TypeError, ConnectionError, TimeoutError)
}


class WireError(Exception):
    """The other side closed, or sent what is no message."""


class Closed(WireError):
    """The other side closed the connection."""


class Record:
    """An object of the submission, rebuilt from its fields."""

    def __init__(self, type_name: str, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)
        self.__dict__["_type_name"] = type_name

    def __repr__(self) -> str:
        fields = ", ".join(f"{k}={v!r}" for k, v in self.__dict__.items() if k != "_type_name")
        return f"{self.__dict__['_type_name']}({fields})"


@dataclasses.dataclass(frozen=True)
class Frame:
    """A line of code on a stack."""

    file: str
    line: int
    function: str
    source: str


@dataclasses.dataclass(frozen=True)
class Raised:
    """An exception of the submission: class name, names of its bases, text, and the student's own frames."""

    type: str
    mro: tuple[str, ...] = ()
    message: str = ""
    frames: tuple[Frame, ...] = ()


def send(sock: socket.socket, message: dict[str, Any]) -> int:
    """Returns the number of bytes that the message takes."""
    data = json.dumps(message).encode("ascii")
    sock.sendall(struct.pack(">I", len(data)) + data)
    return len(data)


def receive(sock: socket.socket, limit: int = LIMIT, until: float | None = None) -> dict[str, Any]:
    """The next message. Raises Closed, WireError (not a message), TimeoutError.

    `until`: when, on the monotonic clock, all of it must be here; the socket's own time-out begins anew with each byte.
    """
    (size,) = struct.unpack(">I", _exactly(sock, 4, until))
    if size > limit:
        raise WireError(f"a message of {size:,} bytes, {limit:,} are allowed")
    try:
        message = json.loads(_exactly(sock, size, until))
    except (ValueError, RecursionError) as error:
        raise WireError("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise WireError("a message that is no JSON object")
    return message


def _exactly(sock: socket.socket, size: int, until: float | None = None) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if until is not None:
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError
            sock.settimeout(left)
        try:
            part = sock.recv(min(size - len(parts), 1 << 20))
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed("connection lost") from error
        if not part:
            raise Closed("connection closed")
        parts += part
    return bytes(parts)


def encode(value: Any, special: Callable[[Any], list[Any] | None] = lambda value: None, depth: int = 0) -> Any:
    """`value` as JSON data. `special` may claim a value first. Raises TypeError when it is nested too deeply."""
    if depth > DEPTH:
        raise TypeError(f"nested more than {DEPTH} levels deep")

    def inner(item: Any) -> Any:
        return encode(item, special, depth + 1)

    claimed = special(value)
    if claimed is not None:
        return claimed
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int:
        return value if -SAFE_INT < value < SAFE_INT else ["i", hex(value)]
    if isinstance(value, list):
        return ["l", *map(inner, list.__iter__(value))]
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ["t", *map(inner, tuple.__iter__(value))]
    if isinstance(value, set | frozenset):
        return ["s", *map(inner, value)]
    if isinstance(value, dict):
        return ["d", *([inner(k), inner(v)] for k, v in dict.items(value))]
    if isinstance(value, bytes | bytearray | memoryview):
        return ["b", base64.b64encode(bytes(value)).decode("ascii")]
    if isinstance(value, PurePath):
        return ["p", str(value)]
    if isinstance(value, BaseException):
        return ["x", {"type": kind.__name__, "mro": [c.__name__ for c in kind.__mro__], "message": text_of(value)}]
    return ["r", kind.__name__, {name: inner(item) for name, item in fields_of(value).items()}]


def fields_of(value: Any) -> dict[str, Any]:
    """The public data of an object: dataclass, named tuple, slots or plain attributes."""
    names: list[str] = []
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif hasattr(value, "_fields"):
        names = list(value._fields)
    else:
        for cls in type(value).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            names += [slots] if isinstance(slots, str) else list(slots)
        names += list(getattr(value, "__dict__", {}))
    public = [n for n in names if not n.startswith("_") and hasattr(value, n)]
    if not public or callable(value):
        return {"repr": text_of(value, repr)}
    return {name: getattr(value, name) for name in public}


def text_of(value: Any, how: Callable[[Any], str] = str) -> str:
    """Its text, at most 2,000 characters, whatever its `__str__` does."""
    text = f"<{type(value).__name__} without a text>"
    with contextlib.suppress(Exception):
        text = how(value)[:2000]
    return text


def decode(data: Any, special: Callable[[list[Any]], Any] | None = None, depth: int = 0) -> Any:
    """Rebuild a value from built-in types. Raises WireError on anything else; `special` gets unknown tags."""
    if depth > DEPTH + 1:
        raise WireError("nested too deeply")

    def inner(item: Any) -> Any:
        return decode(item, special, depth + 1)

    if data is None or isinstance(data, bool | int | float | str):
        return data
    try:
        match data:
            case ["l", *items]:
                return [inner(item) for item in items]
            case ["t", *items]:
                return tuple(inner(item) for item in items)
            case ["s", *items]:
                return {_key(inner(item)) for item in items}
            case ["d", *pairs]:
                return {_key(inner(k)): inner(v) for k, v in pairs}
            case ["b", str(text)]:
                return base64.b64decode(text, validate=True)
            case ["i", str(text)]:
                if len(text) > LONGEST_INT:
                    raise WireError("an integer of more than 4,000 digits")
                return int(text, 16)
            case ["p", str(text)]:
                return Path(text)
            case ["x", dict(raised)]:
                return decode_raised(raised)
            case ["r", str(name), dict(fields)]:
                return Record(name[:200], {str(k): inner(v) for k, v in fields.items() if k != "_type_name"})
            case [str(), *_] if special is not None:
                return special(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise WireError(f"a value that cannot be rebuilt: {error}") from error
    raise WireError("a value of no known kind")


def decode_raised(data: dict[str, Any]) -> Raised:
    frames = data.get("frames", [])
    if not isinstance(frames, list):
        raise WireError("frames that are no list")
    mro = data.get("mro", [])
    return Raised(
        text_in(data.get("type"), 200) or "Exception",
        tuple(text_in(name, 200) for name in mro[:50]) if isinstance(mro, list) else (),
        text_in(data.get("message"), 2000),
        tuple(decode_frame(frame) for frame in frames[-50:]),
    )


def text_in(data: Any, most: int) -> str:
    """The text at a place of a message where only text belongs; anything else could be too deep or too long to print."""
    return data[:most] if isinstance(data, str) else ""


def decode_frame(data: Any) -> Frame:
    match data:
        case [str(file), int(line), str(function), str(source)] if 0 <= line <= LAST_LINE:
            return Frame(file[:300], line, function[:200], source[:300])
    raise WireError("a stack frame of no known form")


def _key(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > LARGEST_KEY:
        raise WireError("an integer key beyond 2**61")
    return value
