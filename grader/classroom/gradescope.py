"""Results for Gradescope: `results.json`. The assignment's points are fixed there, so the score is out of all points of the exercises."""

from __future__ import annotations

from typing import Any

from grader.classroom.marks import FULL, Mark, Marks
from grader.verdict import Verdict


def results(marked: Marks, exercises: int, seconds: float) -> dict[str, Any]:
    """Without a score where the grader itself failed: Gradescope then says so to student and teacher, and gives no zero."""
    full = exercises * FULL
    output = f"{marked.score} of {marked.max_score} points."
    if marked.max_score < full:
        output += (
            f" {full - marked.max_score} could not be measured here and leave the total: the score is scaled to {full}."
        )
    if marked.warning:
        output += f" {marked.warning}"
    data: dict[str, Any] = {
        "execution_time": round(seconds),
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    if marked.is_final:
        # The sum of the tests would do, but for exercises that leave the total.
        data["score"] = round(marked.share * full, 2) if marked.max_score < full else marked.score
        data["tests"] = [_test(number, mark) for number, mark in enumerate(marked.marks, 1)]
    else:
        text = "The grader itself failed; this costs nothing. Please run it again, or tell your teacher."
        data["output"] = f"{text}\n{marked.why_not_final}"
    return data


def _test(number: int, mark: Mark) -> dict[str, Any]:
    return {
        "name": mark.name,
        "name_format": "text",
        "number": str(number),
        "status": "passed" if mark.is_fine else "failed",
        "score": mark.score,
        "max_score": mark.max_score,
        "output": mark.text or ("Passed." if mark.verdict is Verdict.PASSED else str(mark.verdict)),
        "output_format": "text",
        "visibility": "visible",
    }
