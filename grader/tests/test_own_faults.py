"""When the grader itself cannot go on: one clear line, the right exit code, and nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.catalog import Catalog
from grader.errors import GraderFault
from grader.sandbox.processes import mentioning
from grader.tests.small import exercise_toml

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and limits are those of Linux and macOS")
TOML = exercise_toml(seconds=20)
RIGHT = "def add(a, b): return a + b\n"
CHECK = """
from grader.judge import Submission, expect, kind
EXERCISE = "{slug}"
def test_add(submission: Submission) -> None:
    expect(submission.add(1, 2) == 3, "1 + 2 is not 3.")
"""
# Tells by a file that the check has come so far, and then waits for its end.
WAITS = CHECK + "    from pathlib import Path; Path('reached').touch(); submission.wait()\n"
WAITING = RIGHT + "import threading\ndef wait(): threading.Event().wait()\n"
MEASURES = """
import time
from pathlib import Path
from grader.judge import Speedup, Submission, kind
EXERCISE = "{slug}"
@kind("speedup")
def test_fast(submission: Submission, speedup: Speedup) -> None:
    def attempt(n):
        Path('reached').touch()
        return submission.timed("wait")
    speedup.latency(fresh=lambda: 1, baseline=lambda n: n, attempt=attempt, at_least=2.0)
"""
# In the grader's own process: touches `reached` where `{where}` begins, and waits there.
PAUSED = """
import sys, threading
from pathlib import Path
from grader import signals
signals.install()
from grader import cli
def paused(*_, **__):
    Path('reached').touch()
    threading.Event().wait()
{where} = paused
cli.main()
"""


class Checkout:
    """A small catalogue, and the command run in it with a folder for temporary files of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temp = Path(tempfile.mkdtemp(prefix="t"))  # a short path: a Unix socket's has 107 bytes at most
        self.in_memory = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
        (root / "exercises/threads").mkdir(parents=True)
        (root / "tests/threads").mkdir(parents=True)
        self.slugs: list[str] = []
        self.exercise()

    def exercise(self, check: str = CHECK, source: str = RIGHT, slug: str = "tiny", toml: str = TOML) -> None:
        folder = self.root / "exercises/threads" / slug
        folder.mkdir(exist_ok=True)
        (folder / "exercise.toml").write_text(toml)
        (folder / f"{slug}.py").write_text(source)
        (self.root / f"tests/threads/test_{slug}.py").write_text(check.replace("{slug}", slug))
        self.slugs = list(dict.fromkeys([*self.slugs, slug]))
        order = json.dumps(self.slugs)
        (self.root / "exercises/threads/track.toml").write_text(f'title = ""\nintro = ""\norder = {order}\n')

    def begin(self, *words: str, program: str = "", before: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, *(["-c", program] if program else ["-m", "grader"]), *words]
        if before:
            command = ["bash", "-c", f'{before}; exec "$@"', "bash", *command]
        environment = {**os.environ, "TMPDIR": str(self.temp), "GRADER_STATE": str(self.root / "state")}
        return subprocess.Popen(
            command, cwd=self.root, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # Whoever runs the tests in the background of a shell ignores Ctrl-C, and passes that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def reached(self, running: subprocess.Popen[str]) -> None:
        """Wait until the check or the command has come to its place."""
        while not (self.root / "reached").exists():
            assert running.poll() is None, running.communicate()
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(0.01)

    def ended(self, running: subprocess.Popen[str], code: int, *words: str) -> str:
        """It ends with this code and one clear line that holds these words, and has cleaned up."""
        output, errors = running.communicate(timeout=60)
        assert running.returncode == code, (output, errors)
        assert "Traceback" not in output + errors
        if code not in (0, 1):
            assert len(errors.strip().splitlines()) == 1, errors
            assert errors.startswith("grader: ")
        for word in words:
            assert word in errors
        self.assert_clean()
        return output

    def assert_clean(self) -> None:
        left = [path.name for path in self.temp.iterdir() if path.name != f"grader-{os.getuid()}"]  # that is the lock
        assert left == []
        assert mentioning(str(self.temp)) == []
        assert list(self.root.rglob("*.part")) == []
        if self.in_memory:
            assert {name for name in os.listdir("/dev/shm") if name.startswith("k")} <= self.in_memory


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    shutil.rmtree(made.temp, ignore_errors=True)


# -- the judge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["auto", "process-group"])
def test_a_killed_judge_is_no_fault_of_the_student_and_takes_everything_along(checkout: Checkout, level: str) -> None:
    holds = "import multiprocessing.shared_memory as s\nkept = s.SharedMemory(create=True, size=8)\n"
    checkout.exercise(WAITS, holds + WAITING)
    running = checkout.begin("check", "tiny", "--json", "report.json", "--isolation", level)
    checkout.reached(running)
    (judge,) = [p for p in psutil.Process(running.pid).children() if "--results" in p.cmdline()]
    judge.kill()
    checkout.ended(running, 3, "tiny", "SIGKILL", "not yours")
    (exercise,) = json.loads((checkout.root / "report.json").read_text())["exercises"]
    assert (exercise["verdict"], exercise["max_score"]) == ("error", 0)
    assert not (checkout.root / "state/progress.json").exists() or "tiny" not in json.loads(
        (checkout.root / "state/progress.json").read_text()
    )


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (CHECK + "    raise LookupError('no such thing')\n", ["LookupError: no such thing", "test_tiny.py:6"]),
        (CHECK + "raise LookupError('at import')\n", ["test_tiny.py", "LookupError: at import"]),
        (CHECK + "def (\n", ["test_tiny.py", "SyntaxError"]),
        ("EXERCISE = 'tiny'\n", ["tiny", "The judge ended with 5"]),
        (
            CHECK.replace("submission: Submission", "submission: Submission, mirror")
            + "import socket, errno\ndef taken(*_, **__): raise OSError(errno.EADDRINUSE, 'Address already in use')\n"
            "socket.create_server = taken\n",
            ["no port on 127.0.0.1", "Address already in use", "ulimit"],
        ),
    ],
    ids=["a check raises", "a check file raises", "a check file is no Python", "no check", "no port"],
)
def test_a_broken_check_is_named_with_its_file(checkout: Checkout, check: str, words: list[str]) -> None:
    checkout.exercise(check)
    output = checkout.ended(checkout.begin("check", "tiny"), 3, "not yours", *words)
    assert "tiny: error, 0 of 0 points" in output


# -- the disk -------------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_old_report_and_no_half_one(checkout: Checkout) -> None:
    report = checkout.root / "report.json"
    report.write_text("old")
    program = (
        "import builtins, errno, sys, grader.cli as cli, grader.verdict as verdict\n"
        "def full(path, mode='r', **k):\n"
        "    file = open(path, mode, **k)\n"
        "    if 'report' in str(path):\n"
        "        file.write('{')\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "    return file\n"
        "verdict.open = full\ncli.main()"
    )
    running = checkout.begin("check", "tiny", "--json", str(report), program=program)
    checkout.ended(running, 3, str(report), "No space left on device", "Free some disk space")
    assert report.read_text() == "old"


def test_a_report_into_a_full_device_says_so_and_leaves_the_device(checkout: Checkout) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is a device of Linux")
    checkout.ended(checkout.begin("check", "tiny", "--json", "/dev/full"), 3, "/dev/full", "No space left on device")
    assert not Path("/dev/full").is_file()


@pytest.mark.parametrize("blocks", [0, 1])
def test_no_room_for_temporary_files_is_told(checkout: Checkout, blocks: int) -> None:
    """At 0 nothing can be written at all, at 1 (1,024 bytes) the judge cannot write down its results."""
    checkout.exercise(
        CHECK + f'    "{"x" * 20}"\n' + "".join(f"def test_{n}() -> None: {'x' * 99}\n" for n in range(9))
    )
    checkout.ended(checkout.begin("check", "tiny", "--json", "report.json", before=f"ulimit -f {blocks}"), 3)
    assert not (checkout.root / "report.json").exists() or blocks == 1


# -- exercise.toml --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stars = 1", "stars = ", ["exercise.toml", "cannot be read", "line 2"]),
        ("minutes = 1\n", "", ["exercise.toml", "'minutes'"]),
        ("stars = 1", "stars = '1'", ["exercise.toml", "'stars'", "whole number"]),
        ("stars = 1", "stars = true", ["exercise.toml", "'stars'", "whole number"]),
        ("concepts = []", "concepts = 'a'", ["exercise.toml", "'concepts'", "list of texts"]),
        ("concepts = []", "concepts = [1]", ["exercise.toml", "'concepts'", "list of texts"]),
        ("seconds = 20", "seconds = -1", ["exercise.toml", "'seconds'"]),
        ("seconds = 20", "seconds = nan", ["exercise.toml", "'seconds'"]),
        ('title = "Small"', "title = 3", ["exercise.toml", "'title'"]),
        ("[points]\ncorrectness = 100", "points = 100", ["exercise.toml", "'points'"]),
        ("correctness = 100", "correctness = 'all'", ["exercise.toml", "'points.correctness'"]),
        ("correctness = 100", "corectness = 100", ["exercise.toml", "'points.corectness'", "correctness, bounds"]),
    ],
)
def test_a_broken_exercise_toml_is_named_with_its_key(checkout: Checkout, old: str, new: str, words: list[str]) -> None:
    assert old in TOML
    checkout.exercise(toml=TOML.replace(old, new))
    with pytest.raises(GraderFault) as caught:
        _ = Catalog(checkout.root).exercises
    for word in words:
        assert word in str(caught.value)


def test_a_broken_exercise_toml_ends_the_command_with_three(checkout: Checkout) -> None:
    checkout.exercise(toml=TOML.replace("stars = 1", "stars = 'one'"))
    checkout.ended(checkout.begin("check", "tiny"), 3, "exercise.toml", "'stars'", "whole number")


# -- two at once ----------------------------------------------------------------------------------------------------


def test_two_graders_in_one_checkout_are_both_right(checkout: Checkout) -> None:
    checkout.exercise(slug="other", source="def add(a, b): return 0\n")
    one, two = checkout.begin("check", "tiny", "--json", "1.json"), checkout.begin("check", "other", "--json", "2.json")
    for running, code in ((one, 0), (two, 1)):
        output, errors = running.communicate(timeout=60)
        assert running.returncode == code, (output, errors)
    checkout.assert_clean()
    verdicts = [json.loads((checkout.root / f"{n}.json").read_text())["exercises"][0]["verdict"] for n in (1, 2)]
    assert verdicts == ["passed", "failed"]
    known = json.loads((checkout.root / "state/progress.json").read_text())
    assert {name: entry["solved"] for name, entry in known.items()} == {"tiny": True, "other": False}


# -- stopped --------------------------------------------------------------------------------------------------------

SIGNALS = [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]


@pytest.mark.parametrize(("number", "code", "word"), SIGNALS)
@pytest.mark.parametrize(
    ("check", "program"),
    [
        (CHECK, PAUSED.format(where="cli.grading.request")),
        (WAITS, ""),
        (MEASURES, ""),
        (CHECK, PAUSED.format(where="cli.grading.report")),
        (CHECK, PAUSED.format(where="cli.write_all.__globals__['write_atomically'].__globals__['os'].replace")),
    ],
    ids=["at the start", "in a check", "in a speed-up", "before the report", "in the report"],
)
def test_stopped_at_any_moment_it_cleans_up(
    checkout: Checkout, check: str, program: str, number: int, code: int, word: str
) -> None:
    checkout.exercise(check, WAITING)
    running = checkout.begin("check", "tiny", "--json", "report.json", "--junit", "report.xml", program=program)
    checkout.reached(running)
    os.killpg(running.pid, number)
    checkout.ended(running, code, f"stopped by {word}")
    assert not (checkout.root / "report.json").exists()
    assert not (checkout.root / "report.xml").exists()


def test_a_second_ctrl_c_does_not_leave_a_mess(checkout: Checkout) -> None:
    checkout.exercise(WAITS, WAITING)
    running = checkout.begin("check", "tiny")
    checkout.reached(running)
    for _ in range(20):
        os.killpg(running.pid, signal.SIGINT)
    checkout.ended(running, 130, "stopped by Ctrl-C")
