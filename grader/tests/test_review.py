"""The review names code that looks at the harness, and leaves honest code alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.review import review
from grader.tests.test_attacks import ATTACKS, attack

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import gc", ["line 1: imports gc"]),
        ("\nfrom grader.sandbox import exploring", ["line 2: imports grader.sandbox"]),
        ("import threading as t\nt.Thread = None", ["line 2: replaces t.Thread"]),
        ("import time\nsetattr(time, 'sleep', print)", ["line 2: replaces something in time"]),
        ("import sys\nsys.modules['time'] = 3", ["line 2: uses sys.modules"]),
        ("from os import _exit", ["line 1: imports _exit"]),
        ("def f(): return (lambda: 0).__globals__", ["line 1: uses __globals__"]),
        ("open('/proc/1/environ')", ["line 1: names /proc/"]),
        ("eval('1')", ["line 1: calls eval"]),
        ("import threading\nclass Mine(threading.Thread):\n    def run(self): self.result = 1", []),
        ("import sys, os, time\nprint(sys.argv, os.getpid(), time.sleep)", []),
        ("this is no Python", []),
        ("import gc\nx = " + "-" * 100_000 + "1", ["it is nested too deeply to be reviewed"]),
    ],
)
def test_what_reaches_for_the_harness_is_named(source: str, found: list[str]) -> None:
    assert review(source.encode()) == found


@pytest.mark.parametrize(
    "source",
    [b"\xef\xbb\xbfimport gc", b"# coding: latin-1\nimport gc  # \xe9", "# coding: utf-7\nimport gc".encode("utf-7")],
)
def test_an_encoding_hides_nothing_that_python_reads(source: bytes) -> None:
    assert [line.partition(": ")[2] for line in review(source)] == ["imports gc"]


EVASIONS = {"a_lock_by_another_name.py", "tries_a_lock_by_another_name.py"}  # they get round a rule, and look like it


def test_no_solution_of_an_exercise_is_named() -> None:
    paths = sorted((ROOT / "solutions").rglob("*.py"))
    assert len(paths) > 200
    assert {path.name for path in paths if review(path.read_bytes())} == EVASIONS


def test_every_attack_that_nothing_stops_is_named() -> None:
    through = [path for path in ATTACKS if attack(path).stopped_by.startswith("nothing")]
    assert through
    assert [path.name for path in through if not review(path.read_bytes())] == []


def test_most_attacks_are_named() -> None:
    named = [path for path in ATTACKS if review(path.read_bytes())]
    assert len(named) / len(ATTACKS) > 0.6
