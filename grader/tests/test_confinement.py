"""What a submission can see and do at the levels that promise something, and how the level is chosen."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.judge.submission import Submission
from grader.sandbox import cage, confine, seen
from grader.sandbox.launch import Launcher, launcher
from grader.sandbox.session import Job
from grader.services.mirror import Mirror
from grader.tests.isolated import Start, had, run, sessions

ROOT = Path(__file__).resolve().parents[2]
OPENED = (
    "import os\n"
    "def opened(path):\n"
    "    try:\n"
    "        os.listdir(path) if os.path.isdir(path) else open(path).close()\n"
    "    except OSError:\n"
    "        return False\n"
    "    return True\n"
)


@pytest.fixture(params=cage.CONFINED)
def confined(request: pytest.FixtureRequest) -> Iterator[Launcher]:
    made = launcher((), had(request.param))
    yield made
    made.close()


@pytest.fixture(params=cage.CAGED)
def caged(request: pytest.FixtureRequest) -> Iterator[Launcher]:
    made = launcher((), had(request.param))
    yield made
    made.close()


@pytest.fixture
def session_of(confined: Launcher, tmp_path: Path) -> Iterator[Start]:
    yield from sessions(confined, tmp_path)


@pytest.fixture
def in_the_cage(caged: Launcher, tmp_path: Path) -> Iterator[Start]:
    yield from sessions(caged, tmp_path)


# -- files ------------------------------------------------------------------------------------------------------------


def test_solutions_tests_and_the_home_cannot_be_read(session_of: Start, tmp_path: Path) -> None:
    hidden = [ROOT / name for name in ("solutions", "tests", "exercises", "README.md", "pyproject.toml", ".git")]
    hidden = [path for path in (*hidden, *Path.home().iterdir()) if path.is_file() or path.parent == ROOT]
    hidden = [tmp_path / "homework.py", ROOT, *filter(Path.exists, hidden)]
    assert len(hidden) >= 4
    shown = "os.path.isdir(p) and set(os.listdir(p)) <= {'grader', '.venv'}"  # of the checkout, what Python needs
    source = OPENED + f"def run(paths): return [p for p in paths if opened(p) and not ({shown})]"
    assert run(session_of(source), [str(path) for path in hidden]) == []


def test_the_files_of_its_own_check_cannot_be_changed(session_of: Start, confined: Launcher) -> None:
    if confined.level == cage.BUBBLEWRAP and confined.user is None:
        pytest.skip(
            "they lie in the cage's /tmp and belong to the same user; only copies of its own check are at stake"
        )
    source = (
        "import contextlib, os\n"
        "def run():\n"
        "    changed = []\n"
        "    for path in (__file__, '../stage/scenarios.py', '../stage/new', os.__file__):\n"
        "        with contextlib.suppress(OSError):\n"
        "            open(path, 'a').write('#'); changed.append(path)\n"
        "    return changed\n"
    )
    assert run(session_of(source)) == []


def test_what_correct_submissions_need_is_there(session_of: Start) -> None:
    source = (
        "import multiprocessing, os, subprocess, sys, tempfile, threading\n"
        "from multiprocessing.shared_memory import SharedMemory\n"
        "def double(n): return 2 * n\n"
        "def run():\n"
        "    found = []\n"
        "    for method in ('fork', 'spawn', 'forkserver'):\n"
        "        with multiprocessing.get_context(method).Pool(2) as pool: found += pool.map(double, [1])\n"
        "    block = SharedMemory(create=True, size=10); block.close(); block.unlink()\n"
        "    with tempfile.TemporaryDirectory() as folder, open(folder + '/file', 'w') as file: file.write('x')\n"
        "    with open('one', 'w'): os.replace('one', tempfile.gettempdir() + '/two')\n"
        "    os.unlink(tempfile.gettempdir() + '/two')\n"
        "    thread = threading.Thread(target=lambda: found.append(3)); thread.start(); thread.join()\n"
        "    said = subprocess.run([sys.executable, '-c', 'print(4)'], capture_output=True, text=True).stdout\n"
        "    with open(os.devnull, 'w') as nothing: nothing.write('x')\n"
        "    return [*found, said.strip()]\n"
    )
    assert run(session_of(source)) == [2, 2, 2, 3, "4"]


@pytest.mark.parametrize("place", ["/tmp", "/var/tmp"])
@pytest.mark.parametrize("level", cage.CONFINED)
def test_an_array_of_the_judge_can_be_changed_wherever_temporary_files_are(
    level: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tempfile.mkdtemp(prefix="t", dir=place)
    os.chmod(folder, 0o755)
    monkeypatch.setattr(tempfile, "tempdir", folder)
    source = tmp_path / "homework.py"
    source.write_text("def change(array): array[0] = 42; open('mine', 'w').write('x'); return len(array)")
    made = launcher(("numpy",), had(level))
    submission = Submission(Job("homework", source, (), "", 20.0), made, ("change",))
    given = submission.array(np.arange(3))
    assert submission.change(given) == 3
    assert submission.array_now(given).tolist() == [42, 1, 2]
    assert submission.file(submission.folder / "mine") == b"x"
    submission.close()
    made.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("level", cage.CONFINED)
def test_a_checkout_inside_a_folder_that_is_shown_is_hidden(level: str, tmp_path: Path) -> None:
    """Such as /usr/src/app; here the grader's own package is what is shown."""
    package = ROOT / "grader"
    hidden, others = package / "tests" / "attacks", [package / "errors.py", package / "tests" / "isolated.py"]
    made = launcher((), had(level), hidden=hidden)
    source = OPENED + "def run(paths): return [p for p in paths if opened(p)]"
    for session_of in sessions(made, tmp_path):
        paths = [*others, hidden, *hidden.rglob("*.py")]
        assert run(session_of(source), [str(path) for path in paths]) == [str(path) for path in others]
    made.close()


def test_what_python_needs_is_shown_of_a_hidden_checkout_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usr, checkout = tmp_path / "usr", tmp_path / "usr" / "src" / "app"
    for name in (
        "bin/sh",
        "src/other/file",
        "src/app/solutions/secret",
        "src/app/.venv/lib/python",
        "src/app/grader/cli.py",
    ):
        (usr / name).parent.mkdir(parents=True, exist_ok=True)
        (usr / name).touch()
    python = [checkout / ".venv" / "lib", checkout / ".venv" / "lib" / "python", checkout / "grader"]
    monkeypatch.setattr(seen, "_python", lambda: iter(python))
    monkeypatch.setattr(seen, "_machine", lambda: iter([usr]))
    wanted = {"bin", "src/other", "src/app/.venv/lib", "src/app/grader"}
    assert {path.relative_to(usr).as_posix() for path in seen.shown(checkout)} == wanted
    assert seen.shown() == [usr]


# -- processes and rights ---------------------------------------------------------------------------------------------


def test_the_cage_shows_no_other_process(in_the_cage: Start) -> None:
    source = "import os\ndef run(): return sum(name.isdigit() for name in os.listdir('/proc'))"
    assert run(in_the_cage(source)) == 2  # the warm parent and itself


def test_the_judge_hears_no_signal(session_of: Start) -> None:
    if confine.landlock_abi() < confine.SCOPES_ABI:
        pytest.skip("this kernel's Landlock does not hold signals back")
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        source = (
            "import os\n"
            "def run(pid):\n"
            "    try: os.kill(pid, 9)\n"
            "    except OSError: return 'refused'\n"
        )  # fmt: skip
        assert run(session_of(source), bystander.pid) == "refused"
        assert bystander.poll() is None


def test_it_has_no_rights(session_of: Start, confined: Launcher) -> None:
    source = (
        "import os, sys\n"
        "def run():\n"
        "    status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "    rights = [status[name].strip() for name in ('CapPrm', 'CapEff', 'CapAmb', 'NoNewPrivs', 'Seccomp')]\n"
        "    writable = []\n"
        "    for place in ('/', '/usr', '/dev', os.path.dirname(os.__file__), sys.prefix, '..'):\n"
        "        try: os.mkdir(place + '/made'); writable.append(place)\n"
        "        except OSError: pass\n"
        "    for place in ('/proc/sys/kernel/core_pattern', '/proc/1/mem'):\n"
        "        try: open(place, 'r+b').close(); writable.append(place)\n"
        "        except OSError: pass\n"
        "    return rights, writable, os.getuid()\n"
    )
    rights, writable, user = run(session_of(source))
    assert rights == ["0000000000000000"] * 3 + ["1", "2"]
    assert writable == ([".."] if confined.level == cage.BUBBLEWRAP and confined.user is None else [])
    assert user == (os.getuid() if confined.user is None else confined.user)


@pytest.mark.parametrize(
    "call",
    ["unshare(0x10000000)", "mount(b'a', b'/', b'tmpfs', 0, None)", "keyctl(0, 0)", "syscall(425, 1, None)"],
    ids=["new user namespace", "mount", "key rings", "io_uring"],
)
def test_what_no_exercise_needs_is_refused(session_of: Start, call: str) -> None:
    name, _, rest = call.partition("(")
    if name == "keyctl":
        name, rest = "syscall", f"{250 if os.uname().machine == 'x86_64' else 219}, {rest}"
    source = (
        "import ctypes\n"
        "def run():\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        f"    return libc.{name}({rest}, ctypes.get_errno()\n"
    )
    assert run(session_of(source)) == (-1, 1)  # EPERM


def test_no_process_is_cloned_into_new_namespaces(session_of: Start) -> None:
    source = (
        "import ctypes\n"
        "def run():\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        "    return libc.syscall(56, 0x10000000 | 17, None, None, None, None), ctypes.get_errno()\n"
    )
    if os.uname().machine != "x86_64":
        source = source.replace("56", "220")
    assert run(session_of(source)) == (-1, 1)  # EPERM


def test_only_known_families_of_sockets_can_be_made(session_of: Start) -> None:
    source = (
        "import socket\n"
        "def run():\n"
        "    made = []\n"
        "    for family in range(48):\n"
        "        try: socket.socket(family, socket.SOCK_DGRAM).close(); made.append(family)\n"
        "        except OSError: pass\n"
        "    return made\n"
    )
    assert set(run(session_of(source))) <= set(confine.FAMILIES)


# -- network ----------------------------------------------------------------------------------------------------------


def test_only_the_judges_servers_can_be_reached_from_the_cage(in_the_cage: Start, caged: Launcher) -> None:
    source = (
        "import socket, urllib.request\n"
        "def run(url, other):\n"
        "    try: socket.create_connection(('127.0.0.1', other), timeout=5).close(); reached = True\n"
        "    except OSError: reached = False\n"
        "    return urllib.request.urlopen(url).read(), [n for _, n in socket.if_nameindex()], reached\n"
    )
    mirror = Mirror(caged.listener)
    mirror.start()
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()  # it answers here
        answer = run(in_the_cage(source), mirror.serve("/page", b"for you"), port)
    mirror.close()
    assert answer == (b"for you", ["lo"], False)


# -- which level ------------------------------------------------------------------------------------------------------


def fake_bwrap(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap exists on Linux only")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "No permissions to create new namespace"),
        ('while [ "$1" != -- ]; do shift; done; shift; exec "$@"', "its self-test says: "),
        ("exit 0", "its self-test says: nothing"),
    ],
    ids=["forbidden", "shuts nothing in", "runs nothing"],
)
def test_a_cage_that_does_not_hold_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    fake_bwrap(tmp_path, monkeypatch, script)
    assert words in cage.fault(cage.BUBBLEWRAP)
    assert cage.resolve("auto") != cage.BUBBLEWRAP


@pytest.mark.skipif(sys.platform != "linux", reason="these levels exist on Linux only")
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("landlock_abi", "Landlock"),
        ("restrict_files", "it sees files of the outside"),
        ("SystemCalls", "all system calls"),
    ],
)
def test_a_promise_that_is_not_kept_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, words: str
) -> None:
    """The self-test runs in another process: what it imports is replaced by a module that does nothing."""
    had(cage.LANDLOCK)
    if broken == "landlock_abi":
        monkeypatch.setattr(confine, "landlock_abi", lambda: 2)
    else:
        harmless = "type('', (), {'load': lambda self: None})" if broken == "SystemCalls" else "lambda *_: None"
        (tmp_path / "sitecustomize.py").write_text(
            f"import sys; sys.path.append({str(ROOT)!r}); from grader.sandbox import confine; confine.{broken} = {harmless}"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert words in cage.fault(cage.LANDLOCK)


def test_the_strongest_level_that_holds_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for held in ((), (cage.LANDLOCK,), (cage.NAMESPACES, cage.LANDLOCK), (*cage.CONFINED,)):
        monkeypatch.setattr(cage, "fault", lambda level, held=held: "" if level in (*held, cage.GROUP) else "no")
        assert cage.resolve("auto") == (*held, cage.GROUP)[0]


def test_the_level_that_was_used_is_told(confined: Launcher) -> None:
    assert confined.level in cage.CONFINED


def test_a_level_that_cannot_be_had_is_refused_with_a_remedy(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "GRADER_STATE": str(tmp_path)}
    command = [sys.executable, "-m", "grader", "check", "parallel_sum", "--isolation", "bubblewrap"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "not installed" in done.stderr or "Linux only" in done.stderr
    assert "--isolation auto" in done.stderr
