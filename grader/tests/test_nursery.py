"""Judges that are forked from a process that has imported everything: as if each had started alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from grader.judges import judge_environment
from grader.nursery import LOST, SUPPORTED, Forked, Nursery

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="judges are forked on Linux only")
TEST = """
import os, sys, tempfile
from pathlib import Path

def test_says_where_it_is():
    Path("said").write_text("|".join([os.getcwd(), os.environ["WORD"], tempfile.gettempdir(), sys.argv[-1], sys.stdin.read()]))
    print("output of a judge")
    assert os.environ["WORD"] != "wrong"
"""
WAITS = """
import os, time
from pathlib import Path

def test_waits():
    open("reached", "w").close()
    time.sleep(600)
"""
QUIET = ("-q", "-p", "no:cacheprovider", "-s")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery((), judge_environment())
    yield made
    made.close()


def place(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]")
    (folder / "test_it.py").write_text(text)
    return folder


def environment(word: str, folder: Path) -> dict[str, str]:
    return {**judge_environment(), "WORD": word, "TMPDIR": str(folder)}


def test_a_judge_has_its_own_folder_environment_and_output(nursery: Nursery, tmp_path: Path) -> None:
    folders = [place(tmp_path / str(number), TEST) for number in range(6)]
    words = ["right", "wrong", "other"] * 2

    def judge(folder: Path, word: str) -> int:
        return nursery.fork([*QUIET, "test_it.py"], environment(word, folder), folder, folder / "out").wait(60)

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(judge, folders, words))
    assert codes == [0, 1, 0] * 2
    for folder, word in zip(folders, words, strict=True):
        assert (folder / "said").read_text() == f"{folder}|{word}|{folder}|test_it.py|"
        assert "output of a judge" in (folder / "out").read_text()


def test_a_judge_that_is_killed_says_by_which_signal(nursery: Nursery, tmp_path: Path) -> None:
    judge = waiting(nursery, tmp_path / "waits")
    assert judge.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        judge.wait(0.01)
    os.killpg(judge.pid, signal.SIGTERM)
    assert judge.wait(10) == -signal.SIGTERM
    assert judge.poll() == -signal.SIGTERM


def test_judges_end_with_their_nursery(tmp_path: Path) -> None:
    nursery = Nursery((), judge_environment())
    judge = waiting(nursery, tmp_path / "waits")
    process = psutil.Process(judge.pid)
    nursery.close()
    assert judge.wait(10) == LOST
    psutil.wait_procs([process], timeout=10)
    assert not process.is_running()


def test_who_kills_the_nursery_stops_nobody_for_ever(tmp_path: Path) -> None:
    nursery = Nursery((), judge_environment())
    judge = waiting(nursery, tmp_path / "waits")
    process = psutil.Process(judge.pid)
    nursery._process.kill()
    assert judge.wait(10) == LOST
    with pytest.raises(OSError, match="gone"):
        nursery.fork([], {}, tmp_path, tmp_path / "out")
    nursery.close()
    assert psutil.wait_procs([process], timeout=10)[1] == []


def test_a_nursery_whose_supervisor_was_killed_ends(tmp_path: Path) -> None:
    program = (
        "from grader.nursery import Nursery; from grader.judges import judge_environment\n"
        "made = Nursery((), judge_environment()); print(made._process.pid, flush=True); import sys; sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        nursery = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.kill()
    assert psutil.wait_procs([nursery], timeout=20)[1] == []


def waiting(nursery: Nursery, folder: Path) -> Forked:
    """A judge that is in the middle of its test."""
    place(folder, WAITS)
    os.mkfifo(folder / "reached")
    judge = nursery.fork([*QUIET, "test_it.py"], environment("", folder), folder, folder / "out")
    open(folder / "reached").close()  # until somebody opens it to write
    return judge
