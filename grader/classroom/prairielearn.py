"""Results for PrairieLearn's external grading: `results.json`, at most 1 MB, with a score from 0 to 1."""

from __future__ import annotations

import json
from typing import Any

from grader.classroom.marks import Marks

LARGEST = 900_000  # bytes


def results(marked: Marks) -> dict[str, Any]:
    """`gradable` is False where the grader itself failed: that costs no attempt."""
    if not marked.is_final:
        text = "The grader itself failed; this costs no attempt. Please submit again, or tell your teacher."
        return {"gradable": False, "message": f"{text}\n{marked.why_not_final}", "format_errors": [text]}
    data = _graded(marked, longest=None)
    if len(json.dumps(data)) > LARGEST:
        data = _graded(marked, longest=LARGEST // (12 * len(marked.marks)))  # a character is up to twelve bytes of JSON
    return data


def _graded(marked: Marks, longest: int | None) -> dict[str, Any]:
    return {
        "gradable": True,
        "score": round(marked.share, 4),
        "message": f"{marked.score} of {marked.max_score} points" + (f"\n{marked.warning}" if marked.warning else ""),
        "output": "",
        "tests": [
            {
                "name": mark.name,
                "description": mark.verdict.words,
                "points": mark.score,
                "max_points": mark.max_score,
                "message": "",
                "output": mark.text[:longest],
            }
            for mark in marked.marks
        ],
    }
