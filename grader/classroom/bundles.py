"""What classroom platforms get: a working copy, and the few files by which each platform starts it."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Sequence

from grader.catalog import Catalog, Exercise
from grader.classroom import copies
from grader.classroom.copies import TEMPLATES, Files
from grader.classroom.marks import FULL
from grader.errors import UsageError

LARGEST = 10 * 1024 * 1024  # bytes of a bundle of Classroom 50
MINUTES = 10.0  # the longest time that PrairieLearn and Classroom 50's declarative tests give
IMAGE = "python-concurrency-grader"


def github() -> Files:
    """The workflow alone, for a repository that has the grader."""
    return {copies.WORKFLOW: _template("classroom.yml")}


def classroom50(catalog: Catalog, exercises: Sequence[Exercise]) -> Files:
    """The folder of an autograder. Everybody can read it once it is published. Raises UsageError when it is too large."""
    files = _with(catalog, exercises, {"autograder.py": _template("autograder.py")})
    if (size := sum(map(len, files.values()))) > LARGEST:
        raise UsageError(f"The bundle has {size:,} bytes, and Classroom 50 takes {LARGEST:,}. Export fewer exercises.")
    return files


def declared_tests(exercises: Sequence[Exercise]) -> str:
    """Declarative tests of Classroom 50, one an exercise: instead of an autograder, by the grader in the student's own repository.

    They know pass and fail only. Without numbers from the grader, its exit code decides, so its own faults are 0 points:
    `grader ci declared` tries twice. A teacher gives this file to `gh teacher assignment test set --tests`.
    """
    tests = [
        {
            "name": f"{e.slug}: {e.title}",
            "type": "python",
            "setup": "python3 grader/bootstrap.py list",
            "run": f".venv/bin/python -P -m grader ci declared {e.slug}",
            "timeout": round(60 * MINUTES),
            "points": FULL,
        }
        for e in exercises
    ]
    return json.dumps(tests, indent=1) + "\n"


def gradescope(catalog: Catalog, exercises: Sequence[Exercise]) -> bytes:
    """A zip archive, the same bytes for the same files."""
    files = _with(
        catalog, exercises, {name: _template(f"gradescope/{name}") for name in ("setup.sh", "run_autograder")}
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if content.startswith(b"#!") else 0o100644) << 16
            archive.writestr(entry, content)
    return made.getvalue()


def prairielearn(catalog: Catalog, exercises: Sequence[Exercise]) -> Files:
    """What the question's folder `tests` holds."""
    return _with(catalog, exercises, {"run.sh": _template("prairielearn/run.sh")})


def prairielearn_question(exercises: Sequence[Exercise]) -> Files:
    """The question around it, for a teacher to change."""
    title = ", ".join(e.title for e in exercises[:3]) + (", ..." if len(exercises) > 3 else "")
    info = {
        "uuid": str(uuid.uuid4()),
        "title": title,
        "topic": "Concurrency",
        "tags": [exercises[0].track],
        "type": "v3",
        "gradingMethod": "External",
        "externalGradingOptions": {
            "enabled": True, "image": IMAGE, "entrypoint": "/grade/tests/run.sh", "timeout": round(60 * MINUTES),
        },
    }  # fmt: skip
    files: Files = {
        "info.json": (json.dumps(info, indent=2) + "\n").encode(),
        "question.html": _question(exercises).encode(),
    }
    return files | {e.stub.name: e.stub.read_bytes() for e in exercises}


def prairielearn_image(files: Files) -> Files:
    """What the image is built from: it has no network later, so the locked packages are in it."""
    return {"Dockerfile": _template("prairielearn/Dockerfile"), "requirements.lock": files["requirements.lock"]}


def _question(exercises: Sequence[Exercise]) -> str:
    from markdown_it import MarkdownIt  # of no use to other commands

    markdown = MarkdownIt("commonmark").enable("table")
    parts = []
    for e in exercises:
        task = markdown.render(e.readme.read_text(encoding="utf-8")).replace("{{", "&#123;&#123;")
        editor = f'<pl-file-editor file-name="{e.stub.name}" source-file-name="{e.stub.name}" ace-mode="ace/mode/python"></pl-file-editor>'
        parts.append(f"<pl-question-panel>\n{task}</pl-question-panel>\n{editor}\n")
    panel = (
        "<pl-submission-panel>\n  <pl-external-grader-results></pl-external-grader-results>\n</pl-submission-panel>\n"
    )
    return "\n".join([*parts, panel])


def _with(catalog: Catalog, exercises: Sequence[Exercise], more: Files) -> Files:
    return copies.with_manifest({**copies.working(catalog, exercises), **more}, catalog.root, exercises)


def _template(name: str) -> bytes:
    return (TEMPLATES / name).read_bytes()
