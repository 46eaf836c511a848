"""The main job in one command: a correct, a sequential and a racy or leaking submission of each classic exercise."""

from __future__ import annotations

from pathlib import Path

from grader.catalog import Catalog
from grader.errors import UsageError
from grader.grading import Request

SHOWN = {
    "file_downloader": {
        "correct": "reference.py",
        "sequential": "rejected/one_after_the_other.py",
        "racy": "rejected/callback_in_every_worker.py",
    },
    "parallel_sum": {
        "correct": "reference.py",
        "sequential": "rejected/one_loop.py",
        "leaking": "rejected/pool_kept_open.py",
    },
    "async_scraper": {
        "correct": "reference.py",
        "sequential": "rejected/one_after_the_other.py",
        "racy": "rejected/marks_after_the_fetch.py",
    },
}


def requests(catalog: Catalog) -> list[tuple[str, Request]]:
    """What the demo grades, each with its label. Raises UsageError in a student's copy, which has no solutions."""
    found = []
    for slug, files in SHOWN.items():
        exercise = catalog.find(slug)
        for label, file in files.items():
            path: Path = exercise.solutions / file
            if not path.exists():
                raise UsageError(
                    "The demo needs the folder 'solutions', which this copy does not have. Try `grader list`."
                )
            found.append((label, Request(exercise, path)))
    return found
