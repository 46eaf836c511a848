"""Exported graders, run where a platform would run them: its folders, its variables, one core."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from grader import cli_ci, cli_classroom, grading, judges
from grader.catalog import Catalog
from grader.classroom import bundles, classroom50, copies, github, gradescope, handed_in, prairielearn
from grader.classroom.marks import marks, without_checks
from grader.classroom.update import update
from grader.errors import UsageError
from grader.sandbox import cage
from grader.tests.installed import install, run
from grader.tests.small import exercise_toml
from grader.verdict import Verdict

Golden = Callable[[str, str], None]
ROOT = Path(__file__).resolve().parent.parent.parent
CATALOG = Catalog(ROOT)
EXERCISES = copies.chosen(CATALOG, ["ticket_office", "bounded_buffer"], None)
OFFICE, BUFFER = EXERCISES
WRONG = (
    OFFICE.solutions / "rejected" / "no_argument_checks.py"
)  # the same words on every Python; the other exercise is not handed in
CLASSROOM50 = {
    "CLASSROOM": "cs", "ASSIGNMENT": "threads", "ASSIGNMENT_TYPE": "individual", "OWNER": "alice", "USERNAME": "alice",
    "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d", "COMMIT_URL": "commit", "RELEASE_URL": "release", "REVIEW_URL": "review",
}  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these platforms run on Linux")


def normal(text: str) -> str:
    """Without times and hashes, and without the isolation that can be had here."""
    text = re.sub(r"(\*\*Warning:\*\* |\\n| |)Submissions were shut in by [^.]*\.\n{0,2}", "", text)
    text = re.sub(r"isolation: [a-z-]+", "isolation: LEVEL", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r'"(duration|execution_time)": \d+', r'"\1": 0', text)
    return re.sub(r"\b[0-9a-f]{40,64}\b", "HASH", text)


def hand_in(folder: Path, source: Path = WRONG) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / OFFICE.stub.name)


@pytest.fixture
def slow() -> Iterator[Callable[[str], list[str]]]:
    """Commands that run a shell script with half a core, as Gradescope does; with one core where no control group can be made."""
    one_core = ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if shutil.which("taskset") else []
    group = _half_a_core()
    if group is None:
        yield lambda script: [*one_core, "bash", "-c", script]
        return
    yield lambda script: ["bash", "-c", f"echo $$ > {group}/cgroup.procs && {script}"]
    group.rmdir()


def _half_a_core() -> Path | None:
    old, new = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    places = [(old, "cpu.cfs_quota_us", "50000")] if (old / "cpu.cfs_quota_us").exists() else []
    places += [(new, "cpu.max", "50000 100000")] if (new / "cgroup.controllers").exists() else []
    for place, file, quota in places:
        group = place / f"grader-tests-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / file).write_text(quota)
            return group
        except OSError:
            group.rmdir()
    return None


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's, with a wrong solution of one exercise and without the other one's file."""
    target = tmp_path_factory.mktemp("student") / "repository"
    update(target, copies.student(CATALOG, EXERCISES), copies.is_students)
    install(target)
    shutil.copyfile(WRONG, target / OFFICE.stub.relative_to(ROOT))
    (target / BUFFER.stub.relative_to(ROOT)).unlink()
    return target


def test_github(repository: Path, tmp_path: Path, golden: Golden) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = run(repository, [sys.executable, "grader/bootstrap.py", "ci", "github"], None, **files)
    assert done.returncode == 1, done.stderr
    outputs: dict[str, Any] = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
    outputs["result"] = json.loads(base64.b64decode(outputs["result"]))
    golden("exports/github_stdout.txt", normal(done.stdout))
    golden("exports/github_summary.md", normal((tmp_path / "GITHUB_STEP_SUMMARY").read_text()))
    golden("exports/github_outputs.json", normal(json.dumps(outputs, indent=1) + "\n"))


def test_github_names_a_check_that_was_changed(repository: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(repository, changed, symlinks=True)
    (changed / "tests/synchronisation/test_ticket_office.py").write_text("def test_nothing() -> None: ...\n")
    done = run(changed, [str(changed / ".venv/bin/python"), "-m", "grader", "ci", "github", "ticket_office"])
    assert "::warning title=Checks or grader were changed::1 file of the release differs" in done.stdout


def test_classroom50(tmp_path: Path, golden: Golden) -> None:
    bundle, checkout = tmp_path / "bundle", tmp_path / "checkout"
    update(bundle, bundles.classroom50(CATALOG, EXERCISES), lambda name: False)
    install(bundle)
    hand_in(checkout / OFFICE.stub.relative_to(ROOT).parent)
    (checkout / "result.json").write_text('{"score": 100}')
    done = run(
        bundle,
        [sys.executable, str(bundle / "autograder.py")],
        checkout,
        CLASSROOM50_BUNDLE_DIR=str(bundle),
        **CLASSROOM50,
    )
    assert done.returncode == 0, done.stderr
    golden("exports/classroom50_result.json", normal((checkout / "result.json").read_text()))
    golden("exports/classroom50_release_body.md", normal((checkout / "release-body.md").read_text()))


def test_no_file_of_the_checkout_is_run_by_classroom50s_autograder(tmp_path: Path) -> None:
    """It runs as whoever gives the marks; only the judge may run what a student wrote, and shut in."""
    bundle, checkout, ran = tmp_path / "bundle", tmp_path / "checkout", tmp_path / "ran"
    update(bundle, bundles.classroom50(CATALOG, [OFFICE]), lambda name: False)
    hand_in(checkout / OFFICE.stub.relative_to(ROOT).parent)
    for name in (
        "venv",
        "pip",
        "grader",
        "pytest",
        "click",
        "subprocess",
        "sitecustomize",
        "usercustomize",
        "conftest",
    ):
        (checkout / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write('{name} ')\nraise SystemExit(0)\n")
    ask = [sys.executable, str(bundle / "autograder.py")]
    without = run(bundle, ask, checkout, PIP_NO_INDEX="1", **CLASSROOM50)
    assert not ran.exists(), ran.read_text()
    assert (without.returncode, "-m pip" in without.stderr) == (3, True)  # so far did the setting up come
    install(bundle)
    done = run(bundle, ask, checkout, **CLASSROOM50)
    assert not ran.exists(), ran.read_text()
    assert done.returncode == 0, done.stderr
    assert json.loads((checkout / "result.json").read_text())["score"] < 100


def test_grading_again_keeps_the_time_of_the_commit(tmp_path: Path) -> None:
    _commit(tmp_path)
    assert cli_ci._time_of_commit(tmp_path, {}) == "2026-06-01T12:32:01Z"


def test_files_of_a_checkout_that_look_like_a_repository_are_not_asked_for_its_time(tmp_path: Path) -> None:
    checkout, ran, program = tmp_path / "checkout", tmp_path / "ran", tmp_path / "program"
    _commit(tmp_path / "real", signature="gpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n")
    shutil.copytree(tmp_path / "real" / ".git", checkout)
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    _git(checkout, "config", "-f", "config", "core.bare", "true")
    _git(checkout, "config", "-f", "config", "log.showSignature", "true")
    _git(checkout, "config", "-f", "config", "gpg.program", str(program))
    _git(checkout, "show", "-s")
    assert ran.exists()  # git itself would run it
    ran.unlink()
    assert not cli_ci._time_of_commit(checkout, {}).startswith("2026-06-01")
    assert not ran.exists()


def test_a_student_may_call_a_file_like_a_module_that_the_grader_uses(repository: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(repository, copy, symlinks=True)
    for name in ("queue", "click", "pip", "venv"):
        (copy / f"{name}.py").write_text("raise RuntimeError('mine')\n")
    done = run(copy, [sys.executable, "grader/bootstrap.py", "list"])
    assert (done.returncode, done.stderr) == (0, "")


def test_classroom50_without_its_variables_leaves_no_result_of_a_student(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"score": 100}')
    command = [str(repository / ".venv/bin/python"), "-m", "grader", "ci", "classroom50", "--checkout", str(tmp_path)]
    done = run(repository, command)
    assert done.returncode == 2
    assert not (tmp_path / "result.json").exists()


def test_a_declarative_test_of_classroom50(repository: Path, tmp_path: Path) -> None:
    [test] = [test for test in json.loads(bundles.declared_tests(EXERCISES)) if BUFFER.slug in test["run"]]
    numbers = tmp_path / "report.json"
    done = run(repository, ["bash", "-c", f"{test['run']} --json-report --json-report-file={numbers}"])
    assert done.returncode == 1, done.stderr
    assert json.loads(numbers.read_text()) == {"summary": {"total": 100, "passed": 0}}


@pytest.mark.parametrize(
    ("tries", "minutes", "code", "numbers"),
    [
        ((Verdict.ERROR, Verdict.PASSED), "9", 0, {"summary": {"total": 100, "passed": 100}}),
        ((Verdict.ERROR, Verdict.ERROR), "9", 3, None),
        ((Verdict.ERROR,), "0.5", 3, None),
        ((Verdict.FAILED,), "9", 1, {"summary": {"total": 100, "passed": 0}}),
    ],
)
def test_a_declarative_test_is_tried_twice_if_the_grader_fails_and_there_is_time(
    tries: tuple[Verdict, ...],
    minutes: str,
    code: int,
    numbers: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Classroom 50 has nothing but points for it: without numbers, 0."""
    reports = [grading.report([without_checks(OFFICE, v, "")], 0, cage.BUBBLEWRAP) for v in tries]
    monkeypatch.setattr(handed_in, "grade", lambda *_, **__: reports.pop(0))
    path = tmp_path / "report.json"
    words = ["declared", "--json-report", "--json-report-file", str(path), "--minutes", minutes, OFFICE.slug]
    assert CliRunner().invoke(cli_ci.ci, words, obj=CATALOG).exit_code == code
    assert (json.loads(path.read_text()) if path.exists() else None) == numbers
    assert reports == []


def test_gradescope(tmp_path: Path, golden: Golden, slow: Callable[[str], list[str]]) -> None:
    source = tmp_path / "source"
    with zipfile.ZipFile(_file(tmp_path / "autograder.zip", bundles.gradescope(CATALOG, EXERCISES))) as archive:
        assert {"setup.sh", "run_autograder"} <= set(archive.namelist())
        archive.extractall(source)
    install(source)
    hand_in(tmp_path / "submission")
    (tmp_path / "submission_metadata.json").write_text("{}")
    shutil.copyfile(source / "run_autograder", tmp_path / "run_autograder")
    done = run(tmp_path, slow("bash ./run_autograder"), AUTOGRADER=str(tmp_path))
    assert done.returncode == 0, done.stderr
    golden("exports/gradescope_results.json", normal((tmp_path / "results/results.json").read_text()))


def test_prairielearn(tmp_path: Path, golden: Golden) -> None:
    update(tmp_path / "tests", bundles.prairielearn(CATALOG, EXERCISES), lambda name: False)
    python = install(tmp_path / "tests")
    hand_in(tmp_path / "student")
    done = run(tmp_path, ["bash", "tests/run.sh"], GRADE=str(tmp_path), GRADER_PYTHON=str(python))
    assert done.returncode == 0, done.stderr
    golden("exports/prairielearn_results.json", normal((tmp_path / "results/results.json").read_text()))


def test_prairielearn_is_told_when_the_grader_cannot_even_start(tmp_path: Path) -> None:
    update(tmp_path / "tests", bundles.prairielearn(CATALOG, EXERCISES), lambda name: False)
    run(tmp_path, ["bash", "tests/run.sh"], GRADE=str(tmp_path), GRADER_PYTHON="/nonexistent/python")
    assert json.loads((tmp_path / "results/results.json").read_text())["gradable"] is False


def test_what_is_handed_in_may_be_anything(repository: Path, tmp_path: Path) -> None:
    """A file that is too large, and a link to a file that is not the student's: told, with points for nobody, and no fault of ours."""
    student = tmp_path / "student"
    student.mkdir()
    (student / OFFICE.stub.name).write_bytes(b"#" * 300_000)
    (student / BUFFER.stub.name).symlink_to(BUFFER.reference)
    command = [str(repository / ".venv/bin/python"), "-m", "grader", "ci", "prairielearn", "--root", str(tmp_path)]
    assert run(repository, command).returncode == 0
    data = json.loads((tmp_path / "results/results.json").read_text())
    assert (data["gradable"], data["score"]) == (True, 0.0)
    assert [test["output"].split(";")[0] for test in data["tests"]] == [
        f"{OFFICE.stub.name} has 300,000 bytes", f"No file {BUFFER.stub.name} was handed in."
    ]  # fmt: skip


def test_what_has_no_time_left_is_a_fault_of_the_grader_and_no_zero() -> None:
    made = marks(handed_in.grade(CATALOG, EXERCISES, ROOT, minutes=0))
    assert {mark.verdict for mark in made.marks} == {Verdict.ERROR}
    assert (made.max_score, made.is_final) == (0, False)
    assert "were over" in made.marks[0].text


def test_one_that_takes_all_the_time_leaves_the_others_their_results(tmp_path: Path) -> None:
    (tmp_path / OFFICE.stub.name).write_text("while True:\n    pass\n")
    made = marks(handed_in.grade(CATALOG, EXERCISES, tmp_path, minutes=(handed_in.GRACE + 1.5) / 60))
    assert [mark.text for mark in made.marks if mark.exercise == BUFFER.slug] == [
        f"No file {BUFFER.stub.name} was handed in."
    ]
    [fault] = made.faults  # no check has hung as yet, so nobody knows what took the time: no score anywhere
    assert fault.text.startswith(judges.STOPPED)
    assert not made.is_final
    assert "score" not in gradescope.results(made, 2, 1.0)
    assert prairielearn.results(made)["gradable"] is False
    assert not [line for line in github.commands(made) if line.startswith("::notice")]


ADDS = """
import threading
from pathlib import Path
from grader.judge import Submission, expect, kind
from grader.sandbox.outcomes import SubmissionHung
def test_adds(submission: Submission) -> None:
    expect(submission.add(1, 2) == 3, "1 + 2 is not 3.")
"""
HANGS = """
def test_hangs() -> None:
    raise SubmissionHung("add()", 10.0)
def test_has_no_end() -> None:
    Path("reached").touch()
    threading.Event().wait()
@kind("schedules")
def test_never_comes() -> None:
    'Its turn.'
"""


def test_a_submission_that_hangs_until_the_time_is_over_gets_its_points_and_so_do_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"exercises/threads/track.toml": 'title = ""\nintro = ""\norder = ["quick", "slow"]'}
    for slug, checks in (("quick", ADDS), ("slow", ADDS + HANGS)):
        files[f"exercises/threads/{slug}/exercise.toml"] = exercise_toml(points="correctness = 60\nbounds = 40")
        files[f"exercises/threads/{slug}/{slug}.py"] = "def add(a, b): return a + b\n"
        files[f"tests/threads/test_{slug}.py"] = f'EXERCISE = "{slug}"{checks}'
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    class AtTheCheckWithoutEnd(threading.Timer):
        """The alarm, by what has happened and not by a clock."""

        def run(self) -> None:
            while not (tmp_path / "reached").exists():
                if self.finished.wait(0.01):
                    return
            self.function(*self.args, **self.kwargs)

    monkeypatch.setattr(threading, "Timer", AtTheCheckWithoutEnd)
    catalog = Catalog(tmp_path)
    made = marks(handed_in.grade(catalog, catalog.exercises, tmp_path, minutes=2, jobs=1))
    assert [(mark.exercise, mark.title, mark.verdict, mark.score, mark.max_score) for mark in made.marks] == [
        ("quick", "test_adds", Verdict.PASSED, 100, 100),
        ("slow", "test_adds", Verdict.PASSED, 20, 20),
        ("slow", "test_hangs", Verdict.HUNG, 0, 20),
        ("slow", "test_has_no_end", Verdict.HUNG, 0, 20),
        ("slow", "Its turn", Verdict.HUNG, 0, 40),
    ]
    assert "the time of this run was over" in made.marks[-1].text
    assert made.faults == ()
    assert gradescope.results(made, 2, 1.0)["score"] == 120
    assert prairielearn.results(made)["score"] == 0.6
    assert github.commands(made)[-1].endswith('{"totalPoints":120,"maxPoints":200}')
    assert classroom50.results(made, CLASSROOM50, "", "")["score"] == 120


def test_nothing_is_exported_while_somebody_has_written_in_a_stub(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "exercises", tmp_path / "exercises")
    catalog = Catalog(tmp_path)
    shutil.copyfile(BUFFER.reference, catalog.find(BUFFER.slug).stub)
    chosen = copies.chosen(catalog, [OFFICE.slug, BUFFER.slug], None)
    for export in (copies.student, bundles.classroom50, bundles.gradescope, bundles.prairielearn):
        with pytest.raises(
            UsageError, match=r"in the stub of bounded_buffer,.*`grader reset NAME` brings the stub back"
        ):
            export(catalog, chosen)


def test_bundles_are_small_and_the_archive_is_always_the_same() -> None:
    assert sum(map(len, bundles.classroom50(CATALOG, CATALOG.exercises).values())) < 10 * 1024 * 1024
    assert bundles.gradescope(CATALOG, EXERCISES) == bundles.gradescope(CATALOG, EXERCISES)


def test_no_bundle_holds_more_of_the_repository_than_a_student_gets() -> None:
    known = set(copies.student(CATALOG, EXERCISES))
    assert set(bundles.classroom50(CATALOG, EXERCISES)) - known == {"autograder.py"}
    assert set(bundles.prairielearn(CATALOG, EXERCISES)) - known == {"run.sh"}


def test_a_question_of_prairielearn_has_the_task_and_an_editor_for_each_exercise() -> None:
    files = bundles.prairielearn_question(EXERCISES)
    page = files["question.html"].decode()
    info = json.loads(files["info.json"])
    assert info["externalGradingOptions"]["timeout"] == 600
    assert page.count("<pl-file-editor") == len(EXERCISES)
    assert all(files[e.stub.name] == e.stub.read_bytes() for e in EXERCISES)
    assert "{{" not in page


def test_a_question_that_a_teacher_changed_is_kept_and_not_graded_for_what_it_does_not_offer(tmp_path: Path) -> None:
    def export(names: str) -> Result:
        return CliRunner().invoke(cli_classroom.prairielearn_, [str(tmp_path / "q"), "--exercises", names], obj=CATALOG)

    assert "kept, " not in export(OFFICE.slug).output
    page = tmp_path / "q" / "question.html"
    page.write_text(page.read_text().replace("<pl-question-panel>", "<pl-question-panel>Read this twice."))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = export(OFFICE.slug)
    assert "  kept, for the question is yours: info.json, question.html, ticket_office.py\n" in again.output
    refused = export(f"{OFFICE.slug},{BUFFER.slug}")
    assert isinstance(refused.exception, UsageError)
    assert f"{page} takes no file for bounded_buffer. Nothing was written." in str(refused.exception)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    page.write_text('<pl-file-upload file-names="ticket_office.py, bounded_buffer.py"></pl-file-upload>')
    assert export(f"{OFFICE.slug},{BUFFER.slug}").exit_code == 0


@pytest.mark.parametrize("name", ["gradescope/setup.sh", "gradescope/run_autograder", "prairielearn/run.sh"])
def test_scripts_of_platforms_are_bash(name: str) -> None:
    subprocess.run(["bash", "-n", str(copies.TEMPLATES / name)], check=True)


def _commit(folder: Path, signature: str = "") -> None:
    """Makes a repository there with one commit, of 14:32:01 at two hours from Greenwich."""
    folder.mkdir(exist_ok=True)
    _git(folder, "init", "-q")
    tree = _git(folder, "hash-object", "-t", "tree", "-w", "--stdin")
    person = "A <a@b.example> 1780317121 +0200"
    text = f"tree {tree}\nauthor {person}\ncommitter {person}\n{signature}\nDone\n"
    _git(folder, "update-ref", "HEAD", _git(folder, "hash-object", "-t", "commit", "-w", "--stdin", text=text))


def _git(folder: Path, *words: str, text: str = "") -> str:
    alone = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}  # whatever the settings of who runs this are
    done = subprocess.run(
        ["git", *words], cwd=folder, env=alone, input=text, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
