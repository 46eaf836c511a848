"""Results for platforms: whole numbers, right sums, nobody punished for the grader's faults, and no text that steers a platform."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom import classroom50, github, gradescope, prairielearn
from grader.classroom.marks import FULL, Marks, apportion, marks
from grader.errors import UsageError
from grader.sandbox import cage
from grader.verdict import CheckResult, Kind, Report, Verdict, exercise_result

Golden = Callable[[str, str], None]
POINTS = {"correctness": 40, "bounds": 35, "hygiene": 10, "speedup": 15}
HOSTILE = "::error::100%\r\n</pre><script>|`*\x1b[31m ::set-output name=score::100 ##[error] " + "x" * 20
ENVIRONMENT = {
    "CLASSROOM": "cs", "ASSIGNMENT": "threads", "SUBMISSION_TAG": "submit/1-a", "COMMIT_URL": "commit", "RELEASE_URL": "release",
    "OWNER": "alice",
}  # fmt: skip


def check(name: str, kind: Kind, verdict: Verdict = Verdict.PASSED, **more: Any) -> CheckResult:
    return CheckResult(f"test_{name}", f"The {name} holds", kind, verdict, 0.012, **more)


def marked(*exercises: list[CheckResult], isolation: str = "bubblewrap") -> Marks:
    results = [
        exercise_result(f"exercise_{n}", "threads", checks, POINTS, {"path": "", "sha256": "", "review": []})
        for n, checks in enumerate(exercises, 1)
    ]
    score, most = sum(r.score for r in results), sum(r.max_score for r in results)
    return marks(Report("2026-11-21T10:00:00Z", 0, {"isolation": isolation}, score, most, tuple(results)))


GOOD = [
    check("sum", Kind.CORRECTNESS),
    check("limit", Kind.BOUNDS),
    check("end", Kind.HYGIENE),
    check("time", Kind.SPEEDUP),
]
UNMEASURED = [*GOOD[:3], check("time", Kind.SPEEDUP, Verdict.INCONCLUSIVE, message="This machine gave 0.9 cores.")]
RACY = [
    GOOD[0],
    check(
        "limit", Kind.SCHEDULES, Verdict.FAILED, message=HOSTILE, advice="Who may come in between?",
        evidence={"type": "schedule", "token": "kt1-2a-0c", "steps": [{"line": 7}, {"line": 9}]},
    ),
    *GOOD[2:],
]  # fmt: skip
BROKEN = [check("sum", Kind.CORRECTNESS, Verdict.ERROR, message="The judge ended with 3."), *GOOD[1:]]
NOTHING = [check("time", Kind.SPEEDUP, Verdict.INCONCLUSIVE, message="This machine gave 0.9 cores.")]


@given(st.integers(0, 1000), st.lists(st.integers(0, 100), max_size=30))
def test_parts_add_up_and_are_in_proportion(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == (total if sum(weights) else 0)
    assert all(
        abs(part - total * weight / sum(weights)) < 1
        for part, weight in zip(parts, weights, strict=True)
        if sum(weights)
    )


VERDICTS = st.sampled_from(list(Verdict))


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(list(Kind)), VERDICTS), min_size=1, max_size=12), min_size=1, max_size=3
    )
)
def test_scores_never_exceed_and_always_add_up(exercises: list[list[tuple[Kind, Verdict]]]) -> None:
    made = marked(*([check(str(n), kind, verdict) for n, (kind, verdict) in enumerate(checks)] for checks in exercises))
    assert made.score == sum(mark.score for mark in made.marks)
    assert made.max_score == sum(mark.max_score for mark in made.marks)
    assert all(0 <= mark.score <= mark.max_score for mark in made.marks)
    assert made.max_score % FULL == 0
    if any(verdict is Verdict.ERROR for checks in exercises for _, verdict in checks):
        assert not made.is_final


def test_what_could_not_be_measured_costs_nothing() -> None:
    made = marked(UNMEASURED)
    assert (made.score, made.max_score, made.is_final) == (100, 100, True)
    assert [mark.max_score for mark in made.marks] == [47, 41, 12, 0]


def test_a_cap_is_spread_over_what_passed_and_explained() -> None:
    made = marked(RACY)
    assert (made.score, made.max_score) == (50, 100)
    assert made.marks[0].text == "It passed; other checks limit the points of exercise_1 to 50 of 100."


def test_an_exercise_of_which_nothing_could_be_measured_leaves_the_total() -> None:
    made = marked(GOOD, NOTHING)
    assert (made.score, made.max_score, made.is_final) == (100, 100, True)
    assert gradescope.results(made, 2, 1.0)["score"] == 200


def test_nothing_measured_at_all_is_no_score() -> None:
    assert not marked(NOTHING).is_final
    assert not prairielearn.results(marked(NOTHING))["gradable"]


@pytest.mark.parametrize("faulty", [BROKEN, NOTHING])
def test_a_fault_of_the_grader_gives_no_zero_anywhere(faulty: list[CheckResult]) -> None:
    made = marked(faulty)
    assert "score" not in gradescope.results(made, 1, 1.0)
    assert "tests" not in gradescope.results(made, 1, 1.0)
    assert prairielearn.results(made)["gradable"] is False
    assert json.loads(base64.b64decode(github.result(made)))["status"] == "error"
    assert [line.partition("=")[0] for line in github.outputs(made).splitlines()] == ["result", "status"]
    assert github.outputs(made).endswith("\nstatus=error\n")


@pytest.mark.parametrize("level", [*cage.LEVELS, cage.PROCESS])
def test_a_score_says_when_hostile_code_could_have_changed_it(level: str) -> None:
    made = marked(RACY, isolation=level)
    texts = [
        gradescope.results(made, 1, 1.0)["output"],
        prairielearn.results(made)["message"],
        github.summary(made),
        classroom50.release_body(made),
    ]
    told = f"Submissions were shut in by {level} only: hostile code could have changed results."
    assert [told in text for text in texts] == [level in (cage.GROUP, cage.PROCESS)] * 4


@pytest.mark.parametrize(
    ("name", "checks"),
    [("good", [GOOD]), ("racy", [RACY, GOOD]), ("unmeasured", [UNMEASURED]), ("broken", [BROKEN, RACY])],
)
def test_results_are_as_they_always_were(name: str, checks: list[list[CheckResult]], golden: Golden) -> None:
    made = marked(*checks)
    lines = [
        "\n".join(github.commands(made, ["changed tests/threads/test_x.py"])),
        github.summary(made, ["changed grader/x.py"]),
    ]
    golden(f"platforms/github_{name}.txt", "\n---\n".join([*lines, base64.b64decode(github.result(made)).decode()]))
    moment = "2026-06-01T14:32:01Z"
    for platform, data in (
        ("classroom50", classroom50.results(made, ENVIRONMENT, moment, moment)),
        ("gradescope", gradescope.results(made, len(checks), 2.0)),
        ("prairielearn", prairielearn.results(made)),
    ):
        golden(f"platforms/{platform}_{name}.json", json.dumps(data, indent=1) + "\n")


def test_each_annotation_is_one_line_that_github_reads_as_one_command() -> None:
    for line in github.commands(marked(RACY, BROKEN), ["changed a\n::error::b"]):
        nothing, command, _ = line.split("::", 2)
        kind, properties = command.split(" ", 1)
        assert (nothing, kind in ("error", "warning", "notice")) == ("", True)
        assert not set("\r\n") & set(line)
        assert all("=" in part for part in properties.split(","))


def test_the_annotation_stands_where_the_schedule_ends() -> None:
    [line, *_] = github.commands(marked(RACY))
    assert line.startswith(
        "::error file=exercises/threads/exercise_1/exercise_1.py,line=9,title=exercise_1%3A The limit holds::"
    )


def test_an_exercise_that_is_not_started_is_no_list_of_errors() -> None:
    stub = [check(str(n), Kind.CORRECTNESS, Verdict.NOT_STARTED, message="Still the stub.") for n in range(5)]
    made = marked(stub, [*GOOD[:1], *stub[1:]])
    assert len([line for line in github.commands(made) if line.startswith("::error")]) == 4
    assert github.summary(made).count("Still the stub.") == 4
    assert github.summary(made).count("| not started |") == 9


def test_a_file_that_a_check_names_is_found_from_the_root_of_the_repository() -> None:
    [line, *_] = github.commands(
        marked([check("sum", Kind.CORRECTNESS, Verdict.FAILED, message="no", file="exercise_1.py", line=3)])
    )
    assert line.startswith("::error file=exercises/threads/exercise_1/exercise_1.py,line=3,")


def test_at_most_ten_annotations_and_the_first_of_each_exercise_among_them() -> None:
    bad = [check(str(n), Kind.CORRECTNESS, Verdict.FAILED, message="no") for n in range(20)]
    lines = [line for line in github.commands(marked(bad, bad, bad)) if line.startswith("::error")]
    assert len(lines) == 10
    assert all(any(f"exercise_{n}.py" in line for line in lines) for n in (1, 2, 3))


def test_of_eleven_warnings_that_of_changed_files_is_among_the_ten_that_are_shown() -> None:
    lines = github.commands(marked(*[BROKEN] * 11), ["changed grader/x.py"])
    warnings = [line for line in lines if line.startswith("::warning")]
    assert len(warnings) == 10
    assert warnings[0].startswith("::warning title=Checks or grader were changed::")


def test_the_notices_of_an_autograder_come_with_a_score_and_not_with_a_fault_of_the_grader() -> None:
    assert not [line for line in github.commands(marked(BROKEN)) if line.startswith("::notice")]
    assert github.commands(marked(RACY))[-2:] == [
        "::notice title=Autograding complete::Points 50/100",
        '::notice title=Autograding report::{"totalPoints":50,"maxPoints":100}',
    ]


def test_the_summary_stays_below_its_limit() -> None:
    long = [check(str(n), Kind.CORRECTNESS, Verdict.FAILED, message="\x1b" * 10_000) for n in range(300)]
    summary = github.summary(marked(long))
    assert len(summary.encode()) < 1024 * 1024
    assert summary.endswith("The rest is in the log.\n")


def test_results_for_prairielearn_stay_below_their_limit() -> None:
    long = [check(str(n), Kind.CORRECTNESS, Verdict.FAILED, message="\U0001f4a5" * 10_000) for n in range(300)]
    assert len(json.dumps(prairielearn.results(marked(long)), indent=1)) < 1_000_000


def test_classroom50_gets_whole_numbers_and_booleans() -> None:
    data = classroom50.results(marked(RACY, UNMEASURED), ENVIRONMENT, "", "")
    for entry in (data, *data["tests"]):
        assert type(entry["score"]) is int
        assert type(entry["max-score"]) is int
        assert entry["score"] <= entry["max-score"]
    assert all(type(test["passed"]) is bool for test in data["tests"])
    assert data["score"] == sum(test["score"] for test in data["tests"])


def test_outside_of_classroom50_its_results_are_refused() -> None:
    with pytest.raises(UsageError, match="SUBMISSION_TAG is not set"):
        classroom50.results(marked(GOOD), {**ENVIRONMENT, "SUBMISSION_TAG": ""}, "", "")
    with pytest.raises(UsageError, match="OWNER is not set"):
        classroom50.results(marked(GOOD), {**ENVIRONMENT, "OWNER": ""}, "", "")


def test_a_declarative_test_gets_points_as_numbers_of_tests() -> None:
    assert classroom50.declared(marked(RACY)) == {"summary": {"total": 100, "passed": 50}}
