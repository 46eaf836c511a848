"""Results for Classroom 50: `result.json`, whose scores are whole numbers, and the text of the release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.classroom import github
from grader.classroom.marks import Marks
from grader.errors import UsageError

SCHEMA = "classroom50/result/v1"
NEEDED = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")


def results(marked: Marks, environment: Mapping[str, str], submitted: str, graded: str) -> dict[str, Any]:
    """`submitted` and `graded` are UTC (2026-06-01T14:32:01Z). Raises UsageError outside of Classroom 50's runner."""
    owner = environment.get("OWNER") or environment.get("USERNAME")
    missing = [name for name in NEEDED if not environment.get(name)] + ([] if owner else ["OWNER"])
    if missing:
        raise UsageError(f"{missing[0]} is not set. Classroom 50's runner sets it; elsewhere, use `grader check`.")
    return {
        "schema": SCHEMA,
        "classroom": environment["CLASSROOM"],
        "assignment": environment["ASSIGNMENT"],
        "assignment_type": environment.get("ASSIGNMENT_TYPE") or "individual",
        "owner": owner,
        "submission": environment["SUBMISSION_TAG"],
        "commit": environment["COMMIT_URL"],
        "release": environment["RELEASE_URL"],
        "review": environment.get("REVIEW_URL") or environment["COMMIT_URL"],
        "datetime": submitted,
        "graded_at": graded,
        "score": marked.score,
        "max-score": marked.max_score,
        "tests": [
            {
                "test-name": mark.name,
                "passed": mark.is_fine,
                "score": mark.score,
                "max-score": mark.max_score,
                "verdict": str(mark.verdict),
                "message": mark.text,
            }
            for mark in marked.marks
        ],
    }


def release_body(marked: Marks) -> str:
    return github.summary(marked)


def declared(marked: Marks) -> dict[str, Any]:
    """What a declarative test of type `python` reads instead: points in place of numbers of tests, so that weights and caps hold."""
    return {"summary": {"total": marked.max_score, "passed": marked.score}}
