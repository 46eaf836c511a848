"""One submission process: asked, watched, ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.judge.feedback import judge
from grader.sandbox import wire
from grader.sandbox.launch import ColdLauncher, Launcher
from grader.sandbox.outcomes import ProtocolBroken, SubmissionCrashed, SubmissionHung, SubmissionRaised
from grader.sandbox.processes import lives
from grader.sandbox.session import Job, Session

Start = Callable[..., Session]
DEADLOCK = """
import threading
first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)

def work(one, other):
    with one:
        both.wait()
        with other:
            pass

def run():
    threads = [threading.Thread(target=work, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def call(session: Session, name: str, *args: Any, timed: bool = False) -> Any:
    message = {"do": "call", "name": name, "args": wire.encode(list(args)), "kwargs": ["d"], "timed": timed}
    return session.ask(message, name)


def test_a_call_returns_plain_data(session_of: Start) -> None:
    session = session_of("def double(x): return [x * 2, float('nan'), -0.0, 2 ** 80]")
    value, _, _ = call(session, "double", 21)
    assert value[0] == 42
    assert value[1] != value[1]
    assert str(value[2]) == "-0.0"
    assert value[3] == 2**80


def test_an_object_with_its_own_eq_arrives_as_data(session_of: Start) -> None:
    session = session_of("class Yes(list):\n    def __eq__(self, other): return True\ndef run(): return Yes([1])")
    value, _, _ = call(session, "run")
    assert value == [1]
    assert value != [2]


def test_an_exception_arrives_with_the_students_line(session_of: Start) -> None:
    session = session_of("def run():\n    raise ValueError('no')\n")
    with pytest.raises(SubmissionRaised) as caught:
        call(session, "run")
    assert caught.value.raised.type == "ValueError"
    assert caught.value.raised.frames[-1].line == 2


@pytest.mark.parametrize("source", ["import os\ndef run(): os._exit(0)", "import os\nos._exit(0)"])
def test_an_early_exit_is_a_crash_and_no_pass(session_of: Start, source: str) -> None:
    session = session_of(source)
    with pytest.raises(SubmissionCrashed) as caught:
        call(session, "run")
    assert caught.value.code == 0


def test_a_deadlock_names_both_lines(session_of: Start) -> None:
    session = session_of(DEADLOCK, seconds=1.0)
    with pytest.raises(SubmissionHung) as caught:
        call(session, "run")
    message = judge(caught.value).message
    assert message.count("waits for lock") == 2
    assert message.count("(other) at line 8") == 2
    assert "join" in message


def test_a_loop_without_end_in_c_code_is_still_placed(session_of: Start) -> None:
    session = session_of("import itertools\ndef run():\n    sum(itertools.repeat(0))\n", seconds=1.0)
    with pytest.raises(SubmissionHung) as caught:
        call(session, "run")
    assert "homework.py:3" in judge(caught.value).message


def test_a_stuck_coroutine_is_named_by_its_task(session_of: Start) -> None:
    source = "import asyncio\nasync def inner(): await asyncio.Event().wait()\nasync def run(): await inner()\n"
    session = session_of(source, seconds=1.0)
    with pytest.raises(SubmissionHung) as caught:
        call(session, "run")
    assert "homework.py:2 in inner()" in judge(caught.value).message


def test_output_without_end_is_cut_to_its_tail(session_of: Start) -> None:
    session = session_of("def run():\n    print('x' * 30_000_000)\n    print('the end', flush=True)\n")
    call(session, "run")
    session.finish()
    deadline = time.monotonic() + 5
    while "the end" not in session.output() and time.monotonic() < deadline:
        time.sleep(0.01)  # the pipe drains in a thread of its own; nothing announces the last byte
    assert "MB left out" in session.output()
    assert len(session.output()) < 40_000


def test_threads_and_children_left_behind_are_named_and_ended(session_of: Start) -> None:
    source = (
        "import subprocess, sys, threading\n"
        "def run():\n"
        "    threading.Thread(target=threading.Event().wait, name='forgotten').start()\n"
        "    code = 'import os, time; os.setsid(); time.sleep(600)'\n"
        "    subprocess.Popen([sys.executable, '-c', code])\n"
    )
    session = session_of(source)
    call(session, "run")
    (child,) = session.children()
    remains = session.finish()
    assert "forgotten" in remains.threads[0]
    assert str(child.pid) in remains.processes[0]
    session.close()
    assert not lives(child)


def test_nothing_is_left_behind_by_clean_code(session_of: Start) -> None:
    source = (
        "from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor\n"
        "def run():\n"
        "    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):\n"
        "        with kind(2) as pool:\n"
        "            list(pool.map(abs, [1, -1]))\n"
    )
    session = session_of(source)
    call(session, "run")
    remains = session.finish()
    left = [*remains.threads, *remains.processes, *remains.descriptors, *remains.files, *remains.shared_memory]
    assert left == []
    assert remains.complaints == []


def test_shared_memory_that_was_not_unlinked_is_named(session_of: Start) -> None:
    source = (
        "from multiprocessing.shared_memory import SharedMemory\ndef run(): SharedMemory(create=True, size=8).close()\n"
    )
    session = session_of(source)
    call(session, "run")
    assert len(session.finish().shared_memory) == 1


def test_a_dead_thread_and_a_forgotten_await_are_complaints(session_of: Start) -> None:
    source = (
        "import threading\n"
        "async def later(): pass\n"
        "def run():\n"
        "    later()\n"
        "    thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
    )
    session = session_of(source)
    call(session, "run")
    complaints = " ".join(session.finish().complaints)
    assert "ZeroDivisionError" in complaints
    assert "never awaited" in complaints


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_function_of_the_judge_can_be_called_from_every_kind_of_child(session_of: Start, method: str) -> None:
    source = (
        "import multiprocessing\n"
        "def run(f):\n"
        "    with multiprocessing.get_context(None).Pool(2) as pool:\n"
        "        return pool.map(f, [1, 2, 3])\n"
    )
    session = session_of(source, start_method=method, seconds=20)
    seen: list[int] = []

    def judged(x: int) -> int:
        seen.append(x)
        return x * 10

    message = {"do": "call", "name": "run", "args": ["l", ["call", session.number_of(judged)]], "kwargs": ["d"]}
    value, _, _ = session.ask(message, "run")
    assert value == [10, 20, 30]
    assert sorted(seen) == [1, 2, 3]


def test_an_answer_that_is_no_answer_is_the_submissions_fault(session_of: Start) -> None:
    source = (
        "import gc, socket\n"
        "def run():\n"
        "    for thing in gc.get_objects():\n"
        "        if isinstance(thing, socket.socket) and thing.fileno() > 2:\n"
        "            thing.sendall(b'\\x00\\x00\\x00\\x05hello')\n"
    )
    session = session_of(source)
    with pytest.raises(ProtocolBroken):
        call(session, "run")


def test_the_environment_holds_no_secret(session_of: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    session = session_of("import os\ndef run(): return dict(os.environ)")
    value, _, _ = call(session, "run")
    assert "secret" not in value.values()
    assert value["HOME"] == str(session.folder / "home")


def test_the_cold_start_works_as_the_warm_one(tmp_path: Path) -> None:
    path = tmp_path / "homework.py"
    path.write_text("def run(x): return x + 1")
    cold: Launcher = ColdLauncher()
    session = Session(Job("homework", path, (), "", 20.0), cold)
    session.start()
    assert call(session, "run", 1)[0] == 2
    assert session.finish().threads == []
    session.close()
    cold.close()


def test_the_folder_is_gone_afterwards(session_of: Start) -> None:
    session = session_of("def run(): return 1")
    call(session, "run")
    session.close()
    assert not session.folder.exists()
