"""A real run that stands still is told with its cause: who holds what, who waits for whom."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.catalog import Catalog
from grader.grading import Grading, Request
from grader.judge.feedback import judge
from grader.sandbox import diagnosis
from grader.sandbox.outcomes import SubmissionHung
from grader.sandbox.session import Session
from grader.tests.small import exercise_toml
from grader.tests.test_session import DEADLOCK, call
from grader.verdict import Verdict

HANGS = {
    "two locks in opposite order": (
        DEADLOCK,
        ["holds lock A (one) since line 6 and waits for lock B (other) at line 8", "Thread-2"],
    ),
    "a lock taken twice": (
        "import threading\nclass Box:\n    def __init__(self): self.lock = threading.Lock()\n"
        "    def put(self):\n        with self.lock:\n            self.show()\n"
        "    def show(self):\n        with self.lock:\n            pass\ndef run(): Box().put()\n",
        ["holds self.lock since line 5 and asks for it again at line 8"],
    ),
    "a lock of the class that another thread keeps": (
        "import threading\nclass Box:\n    lock = threading.Condition()\n    def keep(self, go, ready):\n"
        "        with self.lock:\n            ready.set()\n            go.wait()\n"
        "def run():\n    go, ready = threading.Event(), threading.Event()\n"
        "    threading.Thread(target=Box().keep, args=(go, ready), name='keeper', daemon=True).start()\n    ready.wait()\n"
        "    with Box.lock:\n        pass\n",
        ["waits for Box.lock at line 12, held by keeper since line 5"],
    ),
    "a pool that waits for itself": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def run():\n    with ThreadPoolExecutor(1) as pool:\n"
        "        def outer(): return pool.submit(int).result()\n        return pool.submit(outer).result()\n",
        ["Every worker of the pool waits for the result of a job that itself needs a worker (line 4)."],
    ),
    "a queue that is never done": (
        "import queue\ndef run():\n    q = queue.Queue()\n    q.put(1)\n    q.join()\n",
        ["waits until every item of a queue is task_done()"],
    ),
    "a task that nobody wakes": (
        "import asyncio\nasync def consumer(q): await q.get()\n"
        "async def run(): await asyncio.create_task(consumer(asyncio.Queue()), name='eater')\n",
        ["task eater waits at homework.py:2 in consumer()"],
    ),
}


def reason(session: Session) -> str:
    with pytest.raises(SubmissionHung) as caught:
        call(session, "run")
    judged = judge(caught.value)
    assert judged.verdict is Verdict.HUNG
    return judged.message


@pytest.mark.parametrize("name", HANGS)
def test_the_cause_of_a_hang_is_told(name: str, session_of: Callable[..., Session]) -> None:
    source, words = HANGS[name]
    told = reason(session_of(source, seconds=1.0))
    for part in words:
        assert part in told
    assert len(told.splitlines()) <= 6


@pytest.mark.skipif(sys.platform != "linux", reason="only there can it be seen whether a child would answer")
def test_a_child_that_must_be_drained_first_says_so(session_of: Callable[..., Session]) -> None:
    source = (
        "import multiprocessing\ndef fill(q): q.put(b'x' * 10_000_000)\ndef run():\n"
        "    q = multiprocessing.Queue()\n    p = multiprocessing.Process(target=fill, args=(q,))\n    p.start()\n    p.join()\n"
    )
    told = reason(session_of(source, seconds=2.0, start_method="fork"))
    assert "waits for a process to end at homework.py:7" in told
    assert "child process cannot end before what it put into a queue of processes is taken out" in told


@pytest.mark.parametrize(
    "line",
    [
        '{"threads": 3, "tasks": [], "waits": [], "child": false}',
        '{"threads": [{"name": 1}], "tasks": [], "waits": [], "child": false}',
        '{"threads": [], "tasks": [], "waits": [{"actor": "x"}], "child": 0}',
        '{"threads": ' + "[" * 5000,
        '{"threads"',
    ],
)
def test_stacks_of_a_hostile_form_are_left_out(line: str) -> None:
    assert diagnosis._answer(line) is None


def test_an_import_that_never_ends_is_waited_for_twice_and_remembered_for_this_submission_only(tmp_path: Path) -> None:
    check = "def test_{}(submission: Submission) -> None:\n    expect(submission.add(1) == 1, 'Wrong.')\n"
    files = {
        "exercises/threads/track.toml": 'title = ""\nintro = ""\norder = ["sums"]',
        "exercises/threads/sums/exercise.toml": exercise_toml(seconds=1),
        "exercises/threads/sums/sums.py": "def add(number):\n    raise NotImplementedError\n",
        "tests/threads/test_sums.py": "EXERCISE = 'sums'\nfrom grader.judge import Submission, expect\n"
        + "".join(map(check.format, "abcd")),
        "endless.py": "import threading\nthreading.Event().wait()\ndef add(number):\n    return number\n",
        "right.py": "def add(number):\n    return number\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    sums = Catalog(tmp_path).find("sums")
    with Grading(seed=0) as grading, grading.standing(sums) as judge_of_sums:
        endless, right = (
            judge_of_sums.run(Request(sums, tmp_path / name)).checks for name in ("endless.py", "right.py")
        )
    assert [check.verdict for check in endless] == [Verdict.HUNG] * 4
    waited, told = "import sums did not end within 1 s.", "import sums did not end in the checks before this one"
    assert [check.message.startswith(told) for check in endless] == [False, False, True, True]
    assert all(check.message.startswith(waited) for check in endless[:2])
    assert {check.line for check in endless} == {2}
    assert [check.verdict for check in right] == [Verdict.PASSED] * 4
