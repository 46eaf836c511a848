"""`grader watch`: what each save, key and result does; and once on a real terminal, with real judges."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.base import PipeInput
from rich.console import Console
from rich.text import Text

from grader import progress
from grader.catalog import Catalog, Exercise
from grader.grading import Request
from grader.render.screen import Screen
from grader.render.watching import View
from grader.verdict import CheckResult, ExerciseResult, Kind, Verdict, exercise_result
from grader.watch import Judges, Watch

REPOSITORY = Path(__file__).resolve().parents[2]


class Scripted(Judges):
    """Judges by the first word of the submission: what it says is the verdict; "wait" only ends by `stop`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._ended = threading.Event()  # of the run that works

    def prepare(self, exercise: Exercise) -> None:
        pass

    def run(self, asked: Request, heard: Callable[[Request, CheckResult], None]) -> ExerciseResult | None:
        self.stop()
        ended = self._ended = threading.Event()
        word = asked.submission.read_text().split()[0]
        self.asked.append(f"{asked.exercise.slug}: {word}")
        if word == "wait":
            assert ended.wait(10)
            return None
        if word == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        check = CheckResult(
            "test_one", f"The file says {word}", Kind.CORRECTNESS, Verdict(word), 0.0, evidence=EVIDENCE
        )
        heard(asked, check)
        exercise = asked.exercise
        return exercise_result(exercise.slug, exercise.track, [check], exercise.points, {"path": "x", "sha256": ""})

    def stop(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self.stop()


STEP = {"thread": "buyer 1", "file": "x.py", "line": 3, "function": "f", "source": "first = 1", "state": {}}
EVIDENCE = {"type": "schedule", "token": "kt1-1a-0", "steps": [STEP, {**STEP, "line": 4, "source": "second = 2"}]}


class Desk:
    """A student with an editor and a keyboard, who sees the screen."""

    def __init__(self, root: Path, keys: PipeInput) -> None:
        self.catalog, self.keys, self.judges = Catalog(root), keys, Scripted()
        self._out = StringIO()
        self._changes: asyncio.Queue[frozenset[Path]] = asyncio.Queue()

    def run(self, student: Callable[[Desk], Awaitable[None]], name: str = "ticket_office") -> str:
        """What stands on the screen after the student has quit."""
        screen = View(Console(file=self._out, width=80, force_terminal=False), Screen())
        watch = Watch(
            self.catalog, self.catalog.find(name), self.judges, screen, lambda catalog: [Text("where you stand")]
        )

        async def both() -> None:
            watching = asyncio.create_task(watch.main(self._saved(), self.keys))
            await student(self)
            self.keys.send_text("q")
            await asyncio.wait_for(watching, 10)

        asyncio.run(both())
        return self._out.getvalue()

    async def _saved(self) -> AsyncIterator[frozenset[Path]]:
        while True:
            yield await self._changes.get()

    def save(self, name: str, word: str) -> None:
        stub = self.catalog.find(name).stub
        stub.write_text(f"{word} {time.monotonic_ns()}")
        self.touch(stub)

    def touch(self, path: Path) -> None:
        self._changes.put_nowait(frozenset([path]))

    async def sees(self, text: str, times: int = 1) -> None:
        """Wherever the lines are wrapped, which depends on how long the test's folder is called."""
        await self.until(lambda: " ".join(self._out.getvalue().split()).count(text) >= times)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)  # a screen has no event to wait for; how long it takes decides nothing


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("exercises", "tests"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    monkeypatch.setenv("GRADER_STATE", str(tmp_path / "state"))
    for stub in (tmp_path / "exercises").glob("*/*/*.py"):
        stub.write_text("not_started")
    return tmp_path


@pytest.fixture
def desk(checkout: Path) -> Iterator[Desk]:
    with create_pipe_input() as keys:
        yield Desk(checkout, keys)


def test_it_begins_with_a_check_and_says_which_file_to_edit(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("exercises/synchronisation/ticket_office/ticket_office.py")

    assert "ticket_office: not started" in desk.run(student)


def test_a_save_while_checks_run_ends_them_and_only_the_newer_one_is_judged(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.save("ticket_office", "wait")
        await desk.until(lambda: desk.judges.asked[-1:] == ["ticket_office: wait"])
        desk.save("ticket_office", "failed")
        await desk.sees("The file says failed")

    screen = desk.run(student)
    assert desk.judges.asked[-2:] == ["ticket_office: wait", "ticket_office: failed"]
    assert screen.count("checks passed") == 2  # of the stub and of the last save


def test_an_event_without_a_change_checks_nothing(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.touch(desk.catalog.find("ticket_office").stub)
        desk.touch(desk.catalog.root / "exercises" / "notes.txt")
        desk.save("ticket_office", "failed")
        await desk.sees("The file says failed")

    desk.run(student)
    assert desk.judges.asked == ["ticket_office: not_started", "ticket_office: failed"]


def test_it_follows_the_exercise_that_is_saved(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.save("warm_caches", "failed")
        await desk.sees("warm_caches: failed")

    desk.run(student)
    assert desk.judges.asked[-1] == "warm_caches: failed"


def test_a_solved_exercise_is_remembered_and_the_next_one_named(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.save("ticket_office", "passed")
        await desk.sees("Next: warm_caches")
        desk.touch(desk.catalog.find("warm_caches").tests)  # of the exercise that is current now
        await desk.sees("warm_caches: not started")

    assert "Solved." in desk.run(student)
    assert progress.solved(desk.catalog.root) == {"ticket_office"}


def test_a_deleted_file_is_told_and_checked_again_when_it_is_back(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        stub = desk.catalog.find("ticket_office").stub
        stub.unlink()
        desk.touch(stub)
        await desk.sees("`grader reset ticket_office` brings the stub back")
        desk.save("ticket_office", "failed")
        await desk.sees("The file says failed")

    desk.run(student)


def test_a_full_disk_is_told_and_the_next_save_checked(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.save("ticket_office", "full")
        await desk.sees("No space left on device. Save again")
        desk.save("ticket_office", "failed")
        await desk.sees("The file says failed")

    desk.run(student)


def test_new_checks_are_run_at_once(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        tests = desk.catalog.find("ticket_office").tests
        tests.write_text(tests.read_text() + "\n")
        desk.touch(tests)
        await desk.sees("ticket_office: not started", 2)

    desk.run(student)


def test_keys_show_hints_the_task_the_list_and_the_next_exercise(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        hints = desk.catalog.find("ticket_office").hints
        for number, _ in enumerate(hints, 1):
            desk.keys.send_text("h")
            await desk.sees(f"Hint {number} of 3")
        desk.keys.send_text("s")
        await desk.sees("What it does")
        desk.keys.send_text("l")
        await desk.sees("where you stand")
        desk.keys.send_text("n")
        await desk.sees("bank_transfers: not started")
        desk.keys.send_text("\r")
        await desk.sees("bank_transfers: not started", 2)

    desk.run(student)


def test_a_schedule_is_played_step_by_step(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.save("ticket_office", "failed")
        await desk.sees("The file says failed")
        desk.keys.send_text("r")
        await desk.sees("first = 1")
        assert "second = 2" not in desk._out.getvalue()
        desk.keys.send_text(" ")
        await desk.sees("second = 2")
        desk.keys.send_text("q")  # back, and not the end
        await desk.sees("h hint", 3)
        desk.save("ticket_office", "crashed")
        await desk.sees("The file says crashed")

    desk.run(student)


def test_without_a_failed_schedule_there_is_nothing_to_replay(desk: Desk) -> None:
    async def student(desk: Desk) -> None:
        await desk.sees("not started")
        desk.save("ticket_office", "full")
        await desk.sees("Save again")
        desk.keys.send_text("r")
        await desk.sees("There is no schedule to replay")

    desk.run(student)


# -- on a real terminal ------------------------------------------------------------------------------------------------


class Terminal:
    """`grader watch` behind a pseudo-terminal of 80 columns."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, self._slave = os.openpty()
        self.before = self.mode()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grader", "watch", *arguments], cwd=folder, start_new_session=True,
            stdin=self._slave, stdout=self._slave, stderr=self._slave, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def mode(self) -> list[object]:
        import termios

        return list(termios.tcgetattr(self._slave))

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while piece := os.read(self._master, 65536):
                self.seen += piece.decode(errors="replace")

    def sees(self, text: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} is not in {self.seen[-2000:]!r}"
            time.sleep(0.01)  # the terminal has no event to wait for; how long it takes decides nothing

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal(checkout: Path) -> Iterator[Terminal]:
    for path in (REPOSITORY / "exercises").glob("*/*/*.py"):
        shutil.copyfile(path, checkout / path.relative_to(REPOSITORY))
    made = Terminal(checkout, "ticket_office")
    yield made
    made.close()


needs_terminal = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")


@needs_terminal
def test_saves_are_judged_and_the_terminal_is_left_as_it_was(terminal: Terminal, checkout: Path) -> None:
    stub = checkout / "exercises/synchronisation/ticket_office/ticket_office.py"
    wrong = REPOSITORY / "solutions/synchronisation/ticket_office/rejected"
    terminal.sees("not started")
    stub.write_text("def broken(:\n")
    terminal.sees("SyntaxError")
    written = stub.with_suffix(".new")  # as many editors save: beside it, and renamed
    written.write_bytes((wrong / "no_lock.py").read_bytes())
    written.rename(stub)
    terminal.sees("See it: grader replay ticket_office")
    terminal.types("q")
    assert terminal.process.wait(20) == 0
    assert terminal.mode() == terminal.before


@needs_terminal
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.sees("h hint")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(20) == 128 + signal.SIGTERM
    assert terminal.mode() == terminal.before
    assert "Traceback" not in terminal.seen
