"""What goes into a copy: files by their path from its root. Never anything of `solutions/`."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from grader import manifest
from grader.catalog import Catalog, Exercise
from grader.classroom import reduced
from grader.errors import UsageError
from grader.judge.expectations import is_untouched

Files = dict[str, bytes]

TEMPLATES = Path(__file__).parent / "templates"
WORKFLOW = ".github/workflows/classroom.yml"
# What a student may change for good; everything else is ours, and is replaced when a copy is made again.
STUDENTS = ("README.md", ".gitignore", ".vscode/", ".devcontainer/")
# Modules and folders of the grader that need `solutions/`, check the grader itself, or make copies.
AUTHORS_ONLY = (
    "tests/", "README.md", "cli_dev.py", "cli_classroom.py", "cli_regrade.py", "demo.py", "selfcheck.py", "odd_answers.py", "soak.py", "fuzz.py",
    "overview.py", "explore_bench.py", "watch_bench.py", "rivals.py", "rival_checks.py", "explore/tasks_bench.py", "manifest.json", "stubs/", "render/class_", "render/templates/class.",
)  # fmt: skip
REPORTERS = (
    "__init__.py",
    "marks.py",
    "handed_in.py",
    "github.py",
    "classroom50.py",
    "gradescope.py",
    "prairielearn.py",
)


def chosen(catalog: Catalog, names: Sequence[str], track: str | None) -> tuple[Exercise, ...]:
    """These exercises, or all of the track, or all; in the order of the catalogue."""
    wanted = {catalog.find(name).slug for name in names}
    if track is not None and track not in (known := [t.name for t in catalog.tracks]):
        raise UsageError(f"There is no track {track!r}. There are {', '.join(known)}.")
    found = [e for e in catalog.exercises if e.slug in wanted or (not wanted and track in (None, e.track))]
    if other := [e.slug for e in found if track not in (None, e.track)]:
        raise UsageError(f"{other[0]} is not in the track {track}. Leave --track out, or name exercises of it.")
    return tuple(found)


def exercises_of(names: Collection[str], catalog: Catalog) -> list[str]:
    """The slugs of a copy that holds these files, as far as there are such exercises still."""
    return [e.slug for e in catalog.exercises if _path(e.stub, catalog.root) in names]


def working(catalog: Catalog, exercises: Sequence[Exercise]) -> Files:
    """A copy that can grade: stubs, checks, the grader and what it needs, and the manifest of all that."""
    files = {**_exercises(catalog, exercises), **_grader(catalog.root)}
    settings = _text(catalog.root / "pyproject.toml")
    files["pyproject.toml"] = reduced.pyproject(settings).encode()
    files["requirements.lock"] = reduced.lock(_text(catalog.root / "requirements.lock"), settings).encode()
    return with_manifest(files, catalog.root, exercises)


def student(catalog: Catalog, exercises: Sequence[Exercise], *, workflow: bool = True) -> Files:
    """The working copy as a repository to learn in: with a README, settings of editors, and a workflow."""
    files = working(catalog, exercises)
    files["README.md"] = _readme(catalog, exercises).encode()
    files["exercises/GRADING.md"] = (catalog.root / "exercises" / "GRADING.md").read_bytes()
    for folder in (".vscode", ".devcontainer"):
        for path in sorted((catalog.root / folder).glob("*.json")):
            files[f"{folder}/{path.name}"] = path.read_bytes()
    files[".gitignore"] = (catalog.root / ".gitignore").read_bytes()
    if workflow:
        files[WORKFLOW] = (TEMPLATES / "classroom.yml").read_bytes()
    return with_manifest(files, catalog.root, exercises)


def with_manifest(files: Files, root: Path, exercises: Sequence[Exercise]) -> Files:
    """The same, and a manifest of it. `files` in it are those that `grader check` watches, `others` the rest."""
    stubs, given = manifest.own_files(root, exercises)
    files = {name: files[name] for name in sorted(files) if name != manifest.NAME}
    digests: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for name, content in files.items():
        digests[manifest.is_protected(name, stubs, given)][name] = manifest.digest(content)
    made = {"schema": manifest.SCHEMA, "files": digests[True], "others": digests[False]}
    return {**files, manifest.NAME: (json.dumps(made, indent=1) + "\n").encode()}


def is_students(name: str) -> bool:
    """A file of a copy that its owner may change: stubs (Python beside a README of an exercise) and settings."""
    path = PurePosixPath(name)
    return name.startswith(STUDENTS) or (path.parts[0] == "exercises" and path.stem == path.parent.name)


def _exercises(catalog: Catalog, exercises: Sequence[Exercise]) -> Files:
    """Raises UsageError where a stub is a solution by now: copies are read by students, and some by everybody."""
    if written := [e.slug for e in exercises if not is_untouched(e.stub.read_bytes(), e.functions)]:
        raise UsageError(
            f"Somebody has written in the stub of {', '.join(written)}, and the copy would give it away. "
            "`grader reset NAME` brings the stub back; your file is kept beside it."
        )
    files: Files = {}
    root = catalog.root
    for track in catalog.tracks:
        mine = [exercise for exercise in exercises if exercise.track == track.name]
        slugs = [exercise.slug for exercise in mine]
        if mine:
            files[_path(track.readme, root)] = reduced.track_readme(_text(track.readme), slugs).encode()
            settings = track.readme.with_name("track.toml")
            files[_path(settings, root)] = reduced.track_toml(_text(settings), slugs).encode()
        for e in mine:
            own = (e.stub, e.readme, *e.judged_with)
            files |= {_path(path, root): path.read_bytes() for path in own}
            files[_path(e.original, root)] = e.stub.read_bytes()
    return files


def _grader(root: Path) -> Files:
    files: Files = {}
    for path in sorted((root / "grader").rglob("*")):
        name = path.relative_to(root / "grader").as_posix()
        if not path.is_file() or name.startswith(AUTHORS_ONLY) or _is_litter(name):
            continue
        if name.startswith("classroom/") and name.removeprefix("classroom/") not in REPORTERS:
            continue
        files[f"grader/{name}"] = path.read_bytes()
    return files


def _is_litter(name: str) -> bool:
    """Of Python, of editors or of desktops."""
    return name.endswith("~") or any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))


def _readme(catalog: Catalog, exercises: Sequence[Exercise]) -> str:
    rows = ["| exercise | stars | minutes | |", "| --- | --- | --- | --- |"]
    for e in exercises:
        folder = e.folder.relative_to(catalog.root).as_posix()
        rows.append(f"| [{e.slug}]({folder}/README.md) | {'*' * e.stars} | {e.minutes} | {e.title} |")
    text = _text(TEMPLATES / "README.md").replace("{exercises}", "\n".join(rows))
    return text.replace("{first}", exercises[0].slug).replace("{track}", exercises[0].track)


def _path(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
