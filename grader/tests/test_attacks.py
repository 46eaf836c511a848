"""Every hostile submission in the folder `attacks`, through the real judge, at the strongest and at the weakest level.

The header of an attack names the checks it is aimed at and how they may end. Every attack starts from a submission that
passes none of them, so whatever passes was forged. A line `weakest:` says what only the cage stops.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import pytest

from grader.catalog import Catalog, Exercise
from grader.grading import Grading, Request
from grader.judge.plugin import LONGEST_MESSAGE
from grader.sandbox import cage
from grader.sandbox.removal import remove
from grader.text import visible
from grader.verdict import CheckResult, ExerciseResult, Verdict

FOLDER = Path(__file__).parent / "attacks"
TARGET = FOLDER / "target"
FILES = sorted(FOLDER.glob("*/*.py"), key=lambda path: path.stem)
ATTACKS = [path for path in FILES if path.parent != TARGET]
NAMES = ("attacks", "expected", "stopped-by", "weakest")
LETS_THROUGH, NOT_RUN, SOMETIMES = "lets through", "not run", "sometimes"
LEAK, FORGERY, SURVIVOR = "canary", "forged", "survivor"
CANARIES = ("canary-in-the-environment", "canary-in-the-home", "canary-in-the-reference", "canary-on-the-loopback")
CHECKS = re.findall(r"^def (test_\w+)", (TARGET / "checks.py").read_text(encoding="utf-8"), re.MULTILINE)
STRONGEST = cage.resolve()  # of this machine, or what GRADER_ISOLATION asks for
JOBS = 10  # most judges wait most of the time
ON_THE_MACHINE = ("ending", "killing", "outliving", "results", "runner", "secrets")  # folders
LONGEST_RESULT = 1_000_000
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="submissions are not isolated on this platform"),
]


@dataclass(frozen=True)
class Attack:
    """`expected`: how each check may end, by the check's name."""

    path: Path
    checks: tuple[str, ...]
    expected: dict[str, set[str]]
    stopped_by: str
    weakest: str

    @property
    def name(self) -> str:
        return self.path.stem


def attack(path: Path) -> Attack:
    """Reads the header. Raises ValueError for one that says too little."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    fields = dict(re.findall(rf"^({'|'.join(NAMES)}): (.+)$", text, re.MULTILINE))
    if missing := {"attacks", "expected", "stopped-by"} - fields.keys():
        raise ValueError(f"{path.name}: the header lacks {', '.join(sorted(missing))}")
    checks = tuple(re.findall(r"test_\w+", fields["attacks"]))
    return Attack(
        path, checks, _verdicts(checks, fields["expected"]), fields["stopped-by"], fields.get("weakest", "the same")
    )


def _verdicts(checks: tuple[str, ...], text: str) -> dict[str, set[str]]:
    """`failed`, `failed or hung`, or for each check its own: `test_sum failed, test_again hung`."""
    verdicts = {}
    for part in text.split(","):
        names = re.findall(r"\b(?:test_\w+|judge)\b", part) or checks
        words = set(part.split()) - {*names, "or"}
        verdicts.update({name: {str(Verdict(word)) for word in words} for name in names})
    return verdicts


@dataclass(frozen=True)
class Graded:
    """What the judges said, and what was left when they had ended."""

    results: list[tuple[Attack, ExerciseResult]]
    honest: ExerciseResult
    wrong: ExerciseResult
    survivors: dict[str, str]
    files: list[str]
    shared_memory: set[str]


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="at-")).resolve()  # short: a Unix socket's path has at most 107 bytes
    yield path
    for process in _processes_of(path):
        with contextlib.suppress(psutil.Error):
            process.kill()
    remove(path)
    for name in _shared_memory():
        (Path("/dev/shm") / name).unlink(missing_ok=True)


def _runs(asked: Attack, level: str) -> bool:
    """At the weakest level, what is stopped by the judge alone is stopped by the same code, and need not run twice."""
    if level in cage.CAGED:
        return True
    again = level == STRONGEST or asked.path.parent.name in ON_THE_MACHINE
    return again and not asked.weakest.startswith(NOT_RUN)


def _grade(level: str, folder: Path) -> Graded:
    exercise = _exercise(folder / "project")
    temp, home = folder / "t", folder / "home"
    temp.mkdir()
    home.mkdir()
    (home / ".netrc").write_text("canary-in-the-home")
    attacks = [a for a in map(attack, ATTACKS) if _runs(a, level)]
    requests = [Request(exercise, a.path, a.checks) for a in attacks]
    middle = len(requests) // 2
    honest = [Request(exercise, TARGET / name) for name in ("reference.py", "honest_but_wrong.py")]
    shared = set(_shared_memory())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("TMPDIR", str(temp))  # also the machine-wide lock of timing checks, which is attacked too
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("GRADER_CANARY", "canary-in-the-environment")
        if level == cage.PROCESS:
            patch.setenv("GRADER_LAUNCH", "cold")
        with _foreign_server(), Grading(jobs=JOBS, isolation=level if level in cage.LEVELS else cage.GROUP) as run:
            results = run.run([*requests[:middle], *honest, *requests[middle:]])
    right, wrong = results[middle : middle + 2]
    del results[middle : middle + 2]
    return Graded(
        list(zip(attacks, results, strict=True)),
        right,
        wrong,
        {str(p.pid): " ".join(p.cmdline()) for p in _processes_of(folder)},
        sorted(p.name for p in temp.iterdir() if not p.name.startswith("grader-")),
        set(_shared_memory()) - shared,
    )


@contextlib.contextmanager
def _foreign_server() -> Iterator[None]:
    """A server of this machine that is none of the judge's."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                with line, contextlib.suppress(OSError):
                    line.sendall(b"canary-on-the-loopback")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _exercise(root: Path) -> Exercise:
    """The target as an exercise of a project of its own, with its secret reference."""
    exercise, tests, solutions = (root / part / "threads" for part in ("exercises", "tests", "solutions"))
    for path in (exercise / "relay", tests, solutions / "relay"):
        path.mkdir(parents=True)
    (exercise / "track.toml").write_text('title = ""\nintro = ""\norder = ["relay"]')
    for name, copy in (
        ("exercise.toml", exercise / "relay" / "exercise.toml"),
        ("stub.py", exercise / "relay" / "relay.py"),
        ("honest_but_wrong.py", exercise / "relay" / "honest_but_wrong.py"),
        ("checks.py", tests / "test_relay.py"),
        ("reference.py", solutions / "relay" / "reference.py"),
    ):
        shutil.copyfile(TARGET / name, copy)
    return Catalog(root).find("relay")


def _processes_of(folder: Path) -> list[psutil.Process]:
    """What was started by a submission of these judges: it works in their folder, or was told of it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            said = [process.cwd(), *process.cmdline(), *process.environ().values()]
            if process.pid != os.getpid() and any(str(folder) in text for text in said):
                found.append(process)
    return found


def _shared_memory() -> list[str]:
    return [name for name in os.listdir("/dev/shm") if "attack" in name] if Path("/dev/shm").is_dir() else []


def _lets_through(asked: Attack, level: str, what: str) -> bool:
    return level not in cage.CAGED and asked.weakest.startswith(LETS_THROUGH) and what in asked.weakest


def _faults(asked: Attack, result: ExerciseResult, level: str) -> Iterator[str]:
    """Where an attack did not end as its header says. Between the cage and the weakest level, both ways are right."""
    expected = dict(asked.expected)
    between = level not in (*cage.CAGED, cage.PROCESS)
    if level not in cage.CAGED and (weaker := re.search(r"\((.+)\)", asked.weakest)):
        weakly = _verdicts(asked.checks, weaker[1])
        if not between:
            expected = weakly
        for name, verdicts in weakly.items():
            expected[name] = verdicts | expected.get(name, set())
    if missing := set() if between else expected.keys() - {check.name for check in result.checks}:
        yield f"no verdict of {', '.join(sorted(missing))}"
    for check in result.checks:
        if str(check.verdict) not in expected.get(check.name, set()):
            yield f"{check.name}: {check.verdict}: {check.message[:300]}"
        yield from _faults_of_the_text(check)
    forged = _lets_through(asked, level, FORGERY) or asked.stopped_by.startswith("nothing")
    if forged != _forged(result) and not (forged and between):
        yield "it forged a result" if not forged else "its forgery is stopped; say so in the header"
    told = _told(result)
    allowed = _lets_through(asked, level, LEAK)
    if (told and not allowed) or (not told and allowed and SOMETIMES not in asked.weakest and not between):
        yield f"it told {told or 'no secret; say so in the header'}"


def _forged(result: ExerciseResult) -> bool:
    return any(check.verdict is Verdict.PASSED for check in result.checks)


def _told(result: ExerciseResult) -> set[str]:
    return {word for word in CANARIES if word in json.dumps(asdict(result))}


def _faults_of_the_text(check: CheckResult) -> Iterator[str]:
    """What a report shows must be short and steer nothing."""
    if len(check.message) > LONGEST_MESSAGE or len(json.dumps(asdict(check))) > LONGEST_RESULT:
        yield f"{check.name}: {len(check.message)} characters of message"
    if not re.fullmatch(r"(kt1-[0-9a-z]+-[\w.-]{1,20000})?", (check.evidence or {}).get("token", ""), re.ASCII):
        yield f"{check.name}: a token that is none"
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", visible(check.message)):
        yield f"{check.name}: a message that steers the terminal"


def _table(level: str, graded: Graded) -> list[str]:
    """What came of the attacks, a line for each layer that stops them."""
    rows: dict[str, list[int]] = {}
    for asked, result in graded.results:
        row = rows.setdefault(asked.stopped_by.split(":")[0], [0, 0, 0])
        row[0] += 1
        row[1] += _forged(result)
        row[2] += bool(_told(result))
    left = len(graded.survivors) + len(graded.files) + len(graded.shared_memory)
    rows = dict(sorted(rows.items(), key=lambda item: -item[1][0]))
    rows["all of them"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines = [f"attacks at the level {level}", f"{'stopped by':<24}{'tried':>6}{'forged':>8}{'leaked':>8}"]
    lines += [f"{name:<24}{tried:>6}{forged:>8}{leaked:>8}" for name, (tried, forged, leaked) in rows.items()]
    return [*lines, f"processes, files and segments left behind: {left}"]


def _check(level: str, folder: Path, record: Callable[[str, object], None]) -> None:
    """Every attack ends as its header says, and hurts nobody else."""
    graded = _grade(level, folder)
    record("table", _table(level, graded))
    faults = [f"{a.name}: {fault}" for a, result in graded.results for fault in _faults(a, result, level)]
    assert not faults, "\n".join(faults)
    # An honest submission beside them is not touched.
    assert {check.name: check.message for check in graded.honest.checks if check.verdict is not Verdict.PASSED} == {}
    assert len(graded.honest.checks) == len(CHECKS)
    # What passes was forged: every attack starts from this one.
    assert {check.verdict for check in graded.wrong.checks} == {Verdict.FAILED}
    # Nothing survives, but what the headers say.
    surviving = [a for a, _ in graded.results if _lets_through(a, level, SURVIVOR)]
    assert len(graded.files) <= sum("temporary folder" in a.weakest for a in surviving), graded.files
    assert len(graded.shared_memory) <= sum("/dev/shm" in a.weakest for a in surviving) * 2
    assert len(graded.survivors) <= sum(len(a.checks) for a in surviving), graded.survivors


def test_every_attack_ends_as_its_header_says_at_the_strongest_level(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    _check(STRONGEST, folder, record_property)


def test_every_part_of_the_target_is_attacked() -> None:
    attacks = [attack(path) for path in ATTACKS]
    assert len(attacks) >= 80
    assert {name for a in attacks for name in a.checks} == set(CHECKS)


def test_a_header_that_says_too_little_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vague.py"
    path.write_text('"""Does something.\n\nattacks: test_sum\n"""')
    with pytest.raises(ValueError, match="lacks expected, stopped-by"):
        attack(path)


def test_without_a_cage_they_get_what_their_headers_admit(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    _check(cage.PROCESS, folder, record_property)
