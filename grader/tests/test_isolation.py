"""Hostile submissions, at every isolation level of this machine: each costs its own checks only, and nothing survives."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.catalog import Catalog
from grader.grading import Grading, request
from grader.judge.feedback import judge
from grader.sandbox import cage, limits, warm
from grader.sandbox.launch import Launcher, launcher
from grader.sandbox.outcomes import LimitReached, SubmissionError, SubmissionHung, SubmissionRaised
from grader.sandbox.processes import fair_memory
from grader.tests.isolated import Start, had, run, sessions
from grader.tests.small import exercise_toml
from grader.verdict import ExerciseResult, Verdict

ROOT = Path(__file__).resolve().parents[2]
TAG = f"survivor-{uuid.uuid4().hex}"  # in the command line of whatever a submission leaves behind here
pytestmark = pytest.mark.timeout(600)  # a judge waits while another one measures a speed-up on this machine

ENDLESS = "    threading.Event().wait()\n"
SPAWN = "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)', tag])"
HOSTILE = """
import multiprocessing, os, signal, subprocess, sys, threading, time
first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)

def add(a, b):
    return a + b

def loop():
    while True:
        pass

def work(one, other):
    with one:
        both.wait()
        with other:
            pass

def deadlock():
    threads = [threading.Thread(target=work, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def leave():
    os._exit(0)

def shout():
    for _ in range(100):
        os.write(1, b"x" * 1_000_000)
    os.write(1, b"\\nthe end\\n")
    os._exit(1)

def leave_a_thread():
    threading.Thread(target=threading.Event().wait, name="forgotten").start()

def become_another_program(tag):
    os.execv(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(600)", tag])

def leave_a_daemon_process(tag):
    multiprocessing.Process(target=become_another_program, args=(tag,), daemon=True).start()

def fork_twice(tag):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            become_another_program(tag)
        os._exit(0)
    os.wait()

def leave_a_deaf_child(tag):
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        become_another_program(tag)
"""

CHECKS = f"""
from grader.judge import Submission, expect, kind
EXERCISE = "hostile"

def add(submission):
    expect(submission.add(1, 2) == 3, "1 + 2 is not 3.")

def test_before(submission: Submission) -> None:
    add(submission)

def test_loop(submission: Submission) -> None:
    submission.loop()

def test_deadlock(submission: Submission) -> None:
    submission.deadlock()

def test_leave(submission: Submission) -> None:
    submission.leave()

def test_shout(submission: Submission) -> None:
    submission.shout()

def test_between(submission: Submission) -> None:
    add(submission)

def test_thread(submission: Submission) -> None:
    submission.leave_a_thread()
    submission.finish().expect_none()

def test_daemon(submission: Submission) -> None:
    submission.leave_a_daemon_process({TAG!r})
    expect(submission.child_processes() == 1, "It was never there.")

def test_fork_twice(submission: Submission) -> None:
    submission.fork_twice({TAG!r})
    submission.finish().expect_none()

def test_deaf_child(submission: Submission) -> None:
    submission.leave_a_deaf_child({TAG!r})
    submission.finish().expect_none()

def test_after(submission: Submission) -> None:
    add(submission)
"""

EXPECTED = {
    "test_before": (Verdict.PASSED, ""),
    "test_loop": (Verdict.HUNG, "in loop()"),
    "test_deadlock": (Verdict.HUNG, "(other) at line"),
    "test_leave": (Verdict.CRASHED, "exit code 0 before it answered"),
    "test_shout": (Verdict.CRASHED, "last output: the end"),
    "test_between": (Verdict.PASSED, ""),
    "test_thread": (Verdict.FAILED, "thread 'forgotten'"),
    "test_daemon": (Verdict.PASSED, ""),
    "test_fork_twice": (Verdict.FAILED, "child process"),
    "test_deaf_child": (Verdict.FAILED, "child process"),
    "test_after": (Verdict.PASSED, ""),
}

EXERCISE = exercise_toml(seconds=2)


def survivors() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if TAG in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="session", params=cage.LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return had(request.param)


@pytest.fixture(scope="session", params=cage.CAGED)
def caged(request: pytest.FixtureRequest) -> str:
    return had(request.param)


def grade(level: str, root: Path) -> list[ExerciseResult]:
    """A submission with every kind of fault, and one that ends at its import, graded side by side by the real judge."""
    texts = {
        "exercises/threads/track.toml": 'title = ""\nintro = ""\norder = ["hostile"]',
        "exercises/threads/hostile/exercise.toml": EXERCISE,
        "exercises/threads/hostile/hostile.py": HOSTILE,
        "exercises/threads/hostile/ends_at_import.py": "def add(a, b): return a + b\nraise SystemExit(0)",
        "tests/threads/test_hostile.py": CHECKS,
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    exercise = Catalog(root).find("hostile")
    requests = [request(exercise, exercise.folder / name) for name in ("hostile.py", "ends_at_import.py")]
    with Grading(jobs=2, isolation=level) as run:
        assert run.isolation == level
        return run.run(requests)


@pytest.fixture
def started(level: str) -> Iterator[Launcher]:
    made = launcher((), level)
    yield made
    made.close()


@pytest.fixture
def session_of(started: Launcher, tmp_path: Path) -> Iterator[Start]:
    yield from sessions(started, tmp_path)


@pytest.fixture
def in_the_cage(caged: str, tmp_path: Path) -> Iterator[Start]:
    made = launcher((), caged)
    yield from sessions(made, tmp_path)
    made.close()


# -- hostile end to end ---------------------------------------------------------------------------------------------


def test_every_fault_is_named_and_costs_its_own_check_only(level: str, tmp_path: Path) -> None:
    hostile, ends_at_import = grade(level, tmp_path)
    assert {check.name: check.verdict for check in hostile.checks} == {name: v for name, (v, _) in EXPECTED.items()}
    for check in hostile.checks:
        assert EXPECTED[check.name][1] in check.message
        assert check.advice or check.verdict is Verdict.PASSED
    assert {check.verdict for check in ends_at_import.checks} == {Verdict.FAILED}
    assert all("SystemExit" in check.message for check in ends_at_import.checks)
    assert survivors() == []


def test_a_survivor_would_be_seen() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()", TAG], stdin=subprocess.PIPE) as left:
        assert [process.pid for process in survivors()] == [left.pid]
        left.kill()


# -- the warm parent and the next check -------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSTOP"])
def test_who_ends_or_stops_the_warm_parent_hurts_nobody_else(
    session_of: Start, signal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "PATIENCE", 1.0)
    source = (
        f"import os, signal, subprocess, sys\ndef run(tag):\n    {SPAWN}\n    os.kill(os.getppid(), signal.{signal})"
    )
    session = session_of(source)
    with contextlib.suppress(SubmissionError):  # it may end with its parent, or be forbidden to send that signal
        run(session, TAG)
    next_one = session_of("def run(): return 42")
    assert run(next_one) == 42
    assert survivors() == []


def test_a_killed_judge_takes_its_submissions_along(level: str, tmp_path: Path) -> None:
    (tmp_path / "homework.py").write_text(f"import subprocess, sys\ndef run(tag): {SPAWN}")
    program = (
        "import sys; from pathlib import Path; from grader.sandbox.launch import launcher\n"
        "from grader.sandbox.session import Job, Session; from grader.tests.test_session import call\n"
        f"session = Session(Job('homework', Path('homework.py'), (), '', 20.0), launcher((), {level!r}))\n"
        f"session.start(); call(session, 'run', {TAG!r}); print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == b"ready\n"
        # While a program is being loaded, its command line is empty for a moment.
        looks = ([process for process in survivors() if process.pid != made.pid] for _ in range(1000))
        left = next(filter(None, looks))
        assert len(left) == 1
        made.kill()
    assert psutil.wait_procs(left, timeout=10)[1] == []


def test_nobody_else_hears_a_signal_to_everybody(in_the_cage: Start) -> None:
    source = "import os, signal\ndef run(): os.kill(-1, signal.SIGKILL)"
    bystander = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    with contextlib.suppress(SubmissionError):  # without a user of its own it ends its own parent
        run(in_the_cage(source))
    assert run(in_the_cage("def run(): return 42")) == 42
    assert bystander.poll() is None
    bystander.communicate()


def test_nothing_in_tmp_or_shared_memory_reaches_the_next_check(in_the_cage: Start) -> None:
    leave = (
        "import contextlib\nfrom pathlib import Path\ndef run():\n    for p in PLACES:\n"
        "        with contextlib.suppress(PermissionError): (Path(p) / 'd').mkdir(); (Path(p) / 'f').touch()"
    )
    look = "import os\ndef run(): return [p for p in PLACES if os.path.exists(p + '/f') or os.path.exists(p + '/d')]"
    places = "PLACES = ['/tmp', '/dev/shm']\n"
    run(in_the_cage(places + leave))
    assert run(in_the_cage(places + look)) == []


def test_a_fifo_in_place_of_the_stacks_does_not_hold_the_judge(session_of: Start) -> None:
    source = (
        "import contextlib, os, signal, threading\n"
        "def run():\n"
        "    with contextlib.suppress(PermissionError):\n"
        "        os.unlink('../stacks'); os.mkfifo('../stacks')\n"
        "    signal.signal(signal.SIGUSR1, signal.SIG_IGN); signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n" + ENDLESS
    )
    with pytest.raises(SubmissionHung):
        run(session_of(source, seconds=0.5))


def test_locked_and_deeply_nested_folders_are_removed(session_of: Start) -> None:
    source = (
        "import os\n"
        "def run():\n"
        "    os.makedirs('locked/inside'); os.chmod('locked', 0)\n"
        "    for _ in range(1100): os.mkdir('deep'); os.chdir('deep')\n"
    )
    session = session_of(source)
    run(session)
    session.close()
    assert not session.folder.exists()


# -- limits -----------------------------------------------------------------------------------------------------------


def test_too_much_memory_is_named(session_of: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY", 300 * limits.MB)
    session = session_of(f"import threading\ndef run():\n    data = b'x' * {400 * limits.MB}\n" + ENDLESS)
    with pytest.raises(LimitReached) as caught:
        run(session)
    judged = judge(caught.value)
    assert judged.verdict is Verdict.CRASHED
    assert "MB of memory; 300 MB are allowed" in judged.message


def test_memory_that_children_share_counts_once(session_of: Start) -> None:
    source = (
        "import os, time\n"
        "def run():\n"
        f"    global data; data = b'x' * {100 * limits.MB}\n"
        "    for _ in range(8):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(600)\n"
    )
    session = session_of(source)
    run(session)
    uses = session._uses()
    assert len(uses) == 9
    assert sum(use.resident for use in uses.values()) > 900 * limits.MB
    assert fair_memory(list(uses)) < 300 * limits.MB


def test_too_many_processes_are_named_and_ended(session_of: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "most_processes", lambda: 12)
    source = f"import subprocess, sys, threading\ndef run(tag):\n    for _ in range(16): {SPAWN}\n" + ENDLESS
    session = session_of(source)
    with pytest.raises(LimitReached) as caught:
        run(session, TAG)
    assert "processes were alive at once; 12 are allowed" in judge(caught.value).message
    session.close()
    assert survivors() == []


def test_too_many_bytes_in_files_are_named(session_of: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DISK", limits.MB)
    source = f"import threading\ndef run():\n    open('big', 'wb').write(bytes({2 * limits.MB}))\n" + ENDLESS
    with pytest.raises(LimitReached) as caught:
        run(session_of(source))
    assert "20,000 files and 1 MB are allowed" in judge(caught.value).message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def run(): return [open('/dev/null') for _ in range(600)]", "At most 512 files"),
        ("def run(): open('big', 'wb').truncate(2 ** 29)", "may have at most 256 MB"),
        pytest.param(
            "def run(): return len(bytes(2 ** 40))",
            "may use 2,048 MB",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits addresses"),
        ),
    ],
    ids=["descriptors", "file", "addresses"],
)
def test_a_limit_of_the_kernel_is_explained(session_of: Start, source: str, words: str) -> None:
    with pytest.raises(SubmissionRaised) as caught:
        run(session_of(source))
    assert words in judge(caught.value).advice


def test_a_full_shared_memory_is_explained(in_the_cage: Start) -> None:
    source = (
        "import os\n"
        "def run():\n"
        "    for name in 'abc': os.posix_fallocate(os.open(f'/dev/shm/{name}', os.O_RDWR | os.O_CREAT), 0, 200_000_000)\n"
    )
    with pytest.raises(SubmissionRaised) as caught:
        run(in_the_cage(source))
    assert "/dev/shm holds at most 512 MB" in judge(caught.value).advice
