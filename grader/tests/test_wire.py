"""Plain data crosses; everything else is refused."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox import wire

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.text() | st.integers(-1000, 1000)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner), max_leaves=20
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_data_survives(value: object) -> None:
    assert wire.decode(json.loads(json.dumps(wire.encode(value)))) == value


@given(JSON)
def test_any_json_is_a_value_or_a_wire_error(data: object) -> None:
    with contextlib.suppress(wire.WireError):
        wire.decode(data)


@pytest.mark.parametrize("tag", ["l", "t", "s", "d", "b", "i", "p", "x", "r", "call", "array"])
@given(items=st.lists(JSON, max_size=3))
def test_any_tagged_json_is_a_value_or_a_wire_error(tag: str, items: list[object]) -> None:
    with contextlib.suppress(wire.WireError):
        wire.decode([tag, *items])


def test_a_dataclass_becomes_a_record_of_its_public_fields() -> None:
    @dataclass
    class Download:
        url: str
        path: Path

    record = wire.decode(wire.encode(Download("u", Path("x"))))
    assert (record.url, record.path) == ("u", Path("x"))


def test_deep_data_is_refused_on_both_sides() -> None:
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(TypeError):
        wire.encode(deep)
    tagged: list[object] = ["l"]
    for _ in range(200):
        tagged = ["l", tagged]
    with pytest.raises(wire.WireError):
        wire.decode(tagged)


def test_integer_keys_that_could_collide_are_refused() -> None:
    with pytest.raises(wire.WireError):
        wire.decode(["d", [["i", hex((1 << 61) - 1)], 1]])
