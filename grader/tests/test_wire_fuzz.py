"""Whatever bytes arrive: a value or a refusal, in time, and never a pass. `grader dev fuzz` runs this for long."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import fuzz
from grader.sandbox import wire
from grader.sandbox.outcomes import SubmissionHung
from grader.sandbox.session import Session

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the fuzzer speaks over Unix sockets")
STEADY = {"deadline": None, "derandomize": True}


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


@settings(max_examples=1500, **STEADY)  # type: ignore[arg-type]
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    assert fuzz.decoded(data) in ("value", "refused")
    assert fuzz.decoded(framed(data)) in ("value", "refused")


@settings(max_examples=1500, **STEADY)  # type: ignore[arg-type]
@given(st.integers(0, 1 << 40))
def test_any_broken_frame_is_a_message_or_refused(number: int) -> None:
    assert fuzz.decoded(fuzz.message(random.Random(number))) in ("value", "refused")


def test_a_live_session_survives_malformed_messages_in_every_role() -> None:
    found = fuzz.run(1600, seed=7)
    assert found.problems == []
    assert {outcome.split(":")[0] for outcome in found.outcomes} == {
        "decoder",
        "control",
        "callback",
        "output",
        "hello",
    }


@pytest.mark.parametrize("error", [KeyError, OverflowError, RecursionError])
def test_the_fuzzer_sees_a_decoder_that_raises_something_else(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(wire, "decode", broken)
    assert any(error.__name__ in line for line in fuzz.run(60).problems)


def test_the_fuzzer_sees_a_thread_of_the_judge_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(Session, "_drain", broken)
    assert any("a thread of the judge" in line for line in fuzz.run(100).problems)


@pytest.mark.parametrize(
    "answer",
    [
        {"threads": 1},
        {"threads": [1], "complaints": []},
        {"threads": [], "complaints": 3},
        {"threads": [{"name": "a", "daemon": False, "frames": [1]}], "complaints": []},
        {"value": ["l"]},
        {"raised": {"type": ["l"] * 3, "mro": {}, "message": 7}},
        {"value": ["i", "f" * 100_000]},
        {"raised": {"frames": [["a", 10**30, "b", "c"]]}},
    ],
)
def test_an_answer_of_the_wrong_form_is_the_submissions_fault(tmp_path: Path, answer: object) -> None:
    live = fuzz.Live(tmp_path)
    assert live.answer(framed(json.dumps(answer).encode())) == "failed"
    live.close()


def test_a_token_that_is_no_ascii_is_only_a_wrong_token(tmp_path: Path) -> None:
    live = fuzz.Live(tmp_path)
    assert live.say("hello", framed('{"role": "control", "token": "\xe9"}'.encode())) == "heard"
    live.close()


def test_an_answer_byte_by_byte_does_not_outlast_the_deadline(session_of: Callable[..., Session]) -> None:
    """Each byte comes long before a time-out that starts anew with every byte."""
    source = (
        "import gc, socket, time\n"
        "def run():\n"
        "    (control,) = [s for s in gc.get_objects() if isinstance(s, socket.socket) and s.fileno() > 2]\n"
        "    control.sendall(b'\\x00\\x00\\x10\\x00')\n"
        "    while True:\n"
        "        control.sendall(b' ')\n"
        "        time.sleep(0.02)\n"
    )
    session = session_of(source, seconds=1.5)
    began = time.monotonic()
    with pytest.raises(SubmissionHung):
        session.ask({"do": "call", "name": "run", "args": ["l"], "kwargs": ["d"]}, "run")
    assert time.monotonic() - began < 20


def test_no_thread_of_a_closed_session_is_left(tmp_path: Path) -> None:
    before = threading.active_count()
    live = fuzz.Live(tmp_path)
    begun = [thread for thread in threading.enumerate() if thread.name in ("accept", "serve")]
    live.close()
    for thread in begun:
        thread.join(20)
    assert threading.active_count() <= before
