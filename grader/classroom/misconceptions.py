"""Which misconceptions the wrong submissions of this repository stand for, by the checks that catch them."""

from __future__ import annotations

from grader.catalog import Exercise
from grader.selfcheck import header


def of(exercise: Exercise) -> dict[str, list[str]]:
    """`M05 locking the change is enough`, and so on, by the name of the check; each once, in the order of the files.

    Empty where there are no solutions. Raises GraderFault for a rejected file without a usable header.
    """
    found: dict[str, dict[str, None]] = {}
    for path in exercise.rejected:
        told = header(path)
        for check in told.caught_by:
            found.setdefault(check, {})[told.misconception] = None
    return {check: list(texts) for check, texts in found.items()}
