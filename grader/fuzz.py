"""Throws malformed messages at the wire and at a live session, and says what did not end as it must.

A message may be a value, or be refused (WireError, and what a session makes of it). It must never raise anything else,
hold the judge beyond its deadline, end as the grader's own fault, or pass.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from grader.judge.feedback import judge
from grader.sandbox import remote, wire
from grader.sandbox.outcomes import SubmissionError
from grader.sandbox.session import Job, Session
from grader.timeline import Use
from grader.verdict import Verdict

PATIENCE = 20.0  # seconds; everything here ends at once, so this much is a hang
LIVE_EACH = 20  # one message in so many goes to a live session, too: that takes fifty times as long
TAGS = ("l", "t", "s", "d", "b", "i", "p", "x", "r", "call", "inside", "array", "?")
KEYS = (
    "value", "raised", "ready", "threads", "complaints", "name", "daemon", "frames", "type", "mro", "message", "function",
    "args", "kwargs", "role", "token",
)  # fmt: skip
SCALARS: tuple[Any, ...] = (
    None, True, 0, -1, 1 << 53, 1 << 61, 10**4000, 0.0, -0.0, 1e308, float("nan"), float("inf"), float("-inf"),
    "", "a", "0x" + "f" * 5000, "\x00", "\ud800", "\x1b[31m", "::error::x", "x" * 3000, "AAAA", "=", "control", "output",
)  # fmt: skip
ODD = (
    b'{1: 2}', b'{"value": NaN}', b'{"value": -Infinity}', b'{"value": ' + b"9" * 5000 + b"}", b"\xff\xfe{}", b"null",
    b"[]", b'""', b'{"value": "\xc3\x28"}', b'{"value": 1, "value": 2}', b"", b"{", b'{"value": "\\ud800"}',
    b'{"raised": {"type": ' + b"[" * 900 + b"]" * 900 + b"}}", b"[" * 100_000, b'{"a":' * 50_000,
)  # fmt: skip


def message(chance: random.Random) -> bytes:
    """The bytes of a frame, more or less broken."""
    kind = chance.randrange(5)
    if kind == 0:
        body = chance.choice(ODD)
    elif kind == 1:
        body = _deep(chance)
    else:
        body = json.dumps({chance.choice(KEYS): _data(chance, 3) for _ in range(chance.randint(1, 4))}).encode()
    if chance.random() < 0.3 and body:
        changed = bytearray(body[:5000])
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        body = bytes(changed)
    length = len(body)
    if chance.random() < 0.2:
        length = chance.choice([0, 1, length // 2, length + 1, wire.LIMIT, wire.LIMIT + 1, 0xFFFFFFFF])
    whole = struct.pack(">I", length) + body
    return whole[: chance.randrange(len(whole))] if chance.random() < 0.1 else whole


def _data(chance: random.Random, depth: int) -> Any:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(SCALARS)
    items = [_data(chance, depth - 1) for _ in range(chance.randrange(4))]
    if chance.random() < 0.2:
        return {chance.choice(KEYS): item for item in items}
    return [chance.choice(TAGS), *items] if chance.random() < 0.9 else items


def _deep(chance: random.Random) -> bytes:
    open_, close = chance.choice([('["l",', "]"), ('["d",["a",', "]]"), ('["r","a",{"b":', "}]"), ("[", "]")])
    levels = chance.choice([30, 60, 61, 62, 200, 900, 5000])
    return f'{{"{chance.choice(KEYS)}": {open_ * levels}1{close * levels}}}'.encode()


def decoded(data: bytes) -> str:
    """What the decoder makes of these bytes: "value" or "refused". Anything else is raised."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=_send, args=(theirs, data), daemon=True)
        if len(data) > 50_000:
            sender.start()  # more than the socket holds
        else:
            _send(theirs, data)
        try:
            got = wire.receive(ours, until=time.monotonic() + PATIENCE)
            for part in got.values():
                repr(wire.decode(part))
            return "value"
        except wire.WireError:
            return "refused"
        finally:
            if sender.ident:
                ours.close()
                sender.join()


def _send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has seen enough


class _Nobody:
    """A launcher that starts nothing: the fuzzer itself plays the submission."""

    level = "none (fuzz)"
    folder: Path | None = None
    user: int | None = None
    in_place = forgets = False

    def start(self, config: dict[str, Any]) -> int:
        self.config = config
        self.control = remote.connect(config["address"], config["token"], "control")
        return 0

    def pid_of(self, number: int, sock: socket.socket) -> int:
        return 0

    def wait(self, number: int, seconds: float) -> int | None:
        return 1

    def listener(self, port: int) -> socket.socket | None:
        return None

    def uses(self, number: int) -> dict[int, Use]:
        return {}

    def descendants(self, pid: int) -> list[psutil.Process]:
        return []

    def shared_memory(self) -> list[str]:
        return []

    def end(self, number: int) -> None:
        pass

    def close(self) -> None:
        self.control.close()


class Live:
    """A session whose other side says what the fuzzer wants. Use one for each message: a broken line stays broken."""

    def __init__(self, folder: Path) -> None:
        self._launcher = _Nobody()
        source = folder / "homework.py"
        source.touch()
        self._session = Session(Job("homework", source, (), "", PATIENCE), self._launcher)
        self._session.start()
        self._session.number_of(lambda *args, **kwargs: len(args))

    def answer(self, data: bytes) -> str:
        """The verdict of a check that asks, gets this answer, and wants a value that nobody can know."""
        _send_later(self._launcher.control, data)
        try:
            value, _, _ = self._session.ask({"do": "call"}, "call")
        except SubmissionError as error:
            return str(judge(error).verdict)
        return str(Verdict.PASSED if value is self else Verdict.FAILED)

    def say(self, role: str, data: bytes) -> str:
        """Connect in this role, say it, and wait until the judge hangs up."""
        config = self._launcher.config
        if role == "hello":
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(config["address"])
        else:
            sock = remote.connect(config["address"], config["token"], role)
        with sock:
            sock.settimeout(PATIENCE)
            _send_later(sock, data)
            try:
                while sock.recv(1 << 16):
                    pass
            except ConnectionError:
                pass  # hung up with bytes of ours unread
        self._session.output()
        return "heard"

    def close(self) -> None:
        self._session.close()
        self._launcher.close()


def _send_later(sock: socket.socket, data: bytes) -> None:
    if len(data) > 50_000:
        threading.Thread(target=_send, args=(sock, data), daemon=True).start()
    else:
        _send(sock, data)


@dataclass
class Found:
    """`outcomes` counts by role and outcome; `problems` are what must never happen, with the message's number."""

    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def run(messages: int, seed: int = 0) -> Found:
    """Message `n` is the same for the same seed, whatever came before it."""
    found = Found()
    usual = threading.excepthook
    threading.excepthook = lambda args: found.problems.append(
        f"a thread of the judge: {args.exc_type.__name__}: {args.exc_value}"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="kata-") as folder:
            for number in range(messages):
                data = message(random.Random(f"{seed} {number}"))
                _try(found, number, "decoder", partial(decoded, data))
                if number % LIVE_EACH == 0:
                    role = ("control", "output", "callback", "hello")[number // LIVE_EACH % 4]
                    _try(found, number, role, partial(_live, Path(folder), role, data))
    finally:
        threading.excepthook = usual
    return found


def _live(folder: Path, role: str, data: bytes) -> str:
    live = Live(folder)
    try:
        return live.answer(data) if role == "control" else live.say(role, data)
    finally:
        live.close()


def _try(found: Found, number: int, role: str, what: Callable[[], str]) -> None:
    began = time.monotonic()
    try:
        outcome = what()
    except Exception as error:
        found.problems.append(f"message {number}, {role}: {type(error).__name__}: {error}"[:300])
        return
    found.outcomes[f"{role}: {outcome}"] += 1
    if outcome in (Verdict.PASSED, Verdict.ERROR, Verdict.INCONCLUSIVE):
        found.problems.append(f"message {number}, {role}: the verdict is {outcome}")
    if time.monotonic() - began >= PATIENCE:
        found.problems.append(f"message {number}, {role}: it took {time.monotonic() - began:.0f} s")
