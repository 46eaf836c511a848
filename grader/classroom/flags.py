"""What a person should look at in what somebody handed in: changed files, claimed scores, code that looks at the grader.

Repositories are hostile: no link is followed, nothing large is read, and what cannot be understood is said and left.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from grader import manifest
from grader.catalog import Catalog, Exercise
from grader.classroom import classroom50
from grader.classroom.results import WORTH, Flag, HandedIn, half_up
from grader.errors import UsageError
from grader.text import visible
from grader.verdict import SCHEMA, ExerciseResult, Verdict

MOST_BYTES = 4 * 1024 * 1024  # of one file; reports with much evidence are the largest
NAMED = 5  # files or lines in one flag; the rest is counted


class Unreadable(Exception):
    """A file is there, but is none to be read. The text says why."""


@dataclass(frozen=True)
class Claim:
    """What a file says that an exercise was given. `sha256` of the source that it speaks of, "" if it does not say."""

    file: str
    slug: str
    score: int
    max_score: int
    sha256: str = ""


def flags_of(
    handed: Sequence[HandedIn], results: Sequence[ExerciseResult], catalog: Catalog, roster_known: bool
) -> tuple[Flag, ...]:
    """The flags of one person; `handed` and `results` in the same order. They are for people and never change a score.

    `roster_known`: the person is on the roster, or there is none.
    """
    found: list[Flag] = []
    if handed and not roster_known:
        text = f"{visible(handed[0].person.identifier, one_line=True)} is not on the roster."
        found.append(Flag("not on the roster", "", text))
    by_slug = {result.name: result for result in results}
    for repository in dict.fromkeys(one.repository for one in handed if one.repository):
        exercises = [_exercise(catalog, one.slug) for one in handed if one.repository == repository]
        own = [exercise for exercise in exercises if exercise is not None]
        found += _changed(repository, catalog, own)
        found += _claimed(repository, {e.slug: by_slug[e.slug] for e in own if e.slug in by_slug})
    found += (flag for result in results for flag in _looks(result))
    return tuple(found)


def _exercise(catalog: Catalog, slug: str) -> Exercise | None:
    try:
        return catalog.find(slug)
    except UsageError:
        return None


def _looks(result: ExerciseResult) -> Iterator[Flag]:
    if lines := [visible(str(line), one_line=True) for line in result.submission.get("review") or ()]:
        yield Flag("looks at the grader", result.name, _listed(lines))


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])


# Files that are not the student's own


def _changed(repository: Path, catalog: Catalog, exercises: Iterable[Exercise]) -> Iterator[Flag]:
    """Files that are there and differ from ours; where one is missing, ours is used anyway."""
    checks = {exercise.slug: exercise.judged_with for exercise in exercises}
    for slug, ours in [*checks.items(), ("", _engine(catalog.root))]:
        names = [path.relative_to(catalog.root).as_posix() for path in ours if _differs(repository, catalog.root, path)]
        if names:
            are = "1 file differs" if len(names) == 1 else f"{len(names)} files differ"
            yield Flag("changed files", slug, f"{are} from ours: {_listed(names)}")


@cache
def _engine(root: Path) -> tuple[Path, ...]:
    """The grader's modules; its own tests decide nothing."""
    folder = root / "grader"
    return tuple(path for path in sorted(folder.rglob("*.py")) if path.relative_to(folder).parts[0] != "tests")


def _differs(repository: Path, root: Path, ours: Path) -> bool:
    try:
        theirs = _read(repository, ours.relative_to(root))
    except Unreadable:
        return True  # a link, a folder, something enormous: none of it is ours
    return theirs is not None and manifest.digest(theirs) != _ours(ours)


@cache
def _ours(path: Path) -> str | None:
    return manifest.digest(path.read_bytes()) if path.is_file() else None


def _read(repository: Path, relative: Path) -> bytes | None:
    """A regular file below the repository; None if there is none. Raises Unreadable for a link on the way and the like."""
    place = repository
    for part in relative.parts:
        place = place / part
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise Unreadable("it cannot be reached") from error
        if stat.S_ISLNK(status.st_mode):
            raise Unreadable("it is a link")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("it is no file")
    if status.st_size > MOST_BYTES:
        raise Unreadable(f"it is larger than {MOST_BYTES >> 20} MB")
    try:
        return place.read_bytes()
    except OSError as error:
        raise Unreadable("it cannot be read") from error


# Scores that files in the repository claim


def _claimed(repository: Path, results: Mapping[str, ExerciseResult]) -> Iterator[Flag]:
    """Claims that differ from what the same file got here, both out of 100 and rounded."""
    for file, read in (("report.json", _report), ("result.json", _classroom50), (".grader/progress.json", _progress)):
        try:
            content = _read(repository, Path(file))
            claims = [] if content is None else read(file, _data(content), results)
        except Unreadable as error:
            yield Flag("unreadable", "", f"{file}: {error}.")
            continue
        for claim in {claim.slug: claim for claim in claims}.values():  # one each, however often it is said
            result = results.get(claim.slug)
            if result is not None and (text := _compared(claim, result)):
                yield Flag("claimed score", claim.slug, text)


def _compared(claim: Claim, result: ExerciseResult) -> str:
    """How they differ; "" if they do not, or if there is nothing to compare with."""
    if not 0 <= claim.score <= claim.max_score:
        return f"{claim.file} claims {_shown(claim.score)} of {_shown(claim.max_score)} points."
    if result.verdict is Verdict.ERROR or not result.max_score or not claim.max_score:
        return ""
    claimed, here = half_up(claim.score * WORTH, claim.max_score), half_up(result.score * WORTH, result.max_score)
    if claimed == here:
        return ""
    is_other = claim.sha256 and claim.sha256 != result.submission.get("sha256")
    other = " It speaks of another version of the file." if is_other else ""
    return f"{claim.file} claims {claimed} of {WORTH}, graded here: {here}.{other}"


def _shown(number: int) -> str:
    """Of a number that may have a million digits."""
    return str(number) if abs(number) < 10**9 else "more than 1,000,000,000" if number > 0 else "less than nothing"


def _data(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is broken JSON") from error
    return data if isinstance(data, dict) else {}


def _report(file: str, data: Mapping[str, Any], _: Mapping[str, ExerciseResult]) -> Iterator[Claim]:
    if data.get("schema") != SCHEMA:
        return  # somebody else's
    for entry in _objects(data.get("exercises")):
        sha256 = _part(entry.get("submission")).get("sha256")
        yield from _claim(file, entry.get("name"), entry.get("score"), entry.get("max_score"), sha256)


def _classroom50(file: str, data: Mapping[str, Any], results: Mapping[str, ExerciseResult]) -> Iterator[Claim]:
    """Its tests are called "EXERCISE: what it checks"; a result for one exercise is also known by its sum."""
    if data.get("schema") != classroom50.SCHEMA:
        return
    sums: dict[str, tuple[int, int]] = {}
    for entry in _objects(data.get("tests")):
        name, score, most = entry.get("test-name"), entry.get("score"), entry.get("max-score")
        slug = name.partition(":")[0] if isinstance(name, str) else ""
        if slug in results and type(score) is int and type(most) is int:
            before = sums.get(slug, (0, 0))
            sums[slug] = (before[0] + score, before[1] + most)
    for slug, (score, most) in sums.items():
        yield from _claim(file, slug, score, most, None)
    if len(results) == 1:
        (slug,) = results
        total = (data.get("score"), data.get("max-score"))
        if total != sums.get(slug):
            yield from _claim(file, slug, *total, None)


def _progress(file: str, data: Mapping[str, Any], results: Mapping[str, ExerciseResult]) -> Iterator[Claim]:
    """It remembers points without a maximum: then it is that of here."""
    for slug, result in results.items():
        score = _part(data.get(slug)).get("score")
        if type(score) is int and score != result.score:
            yield Claim(file, slug, score, WORTH)


def _claim(file: str, slug: Any, score: Any, most: Any, sha256: Any) -> Iterator[Claim]:
    if isinstance(slug, str) and type(score) is int and type(most) is int:
        yield Claim(file, slug, score, most, sha256 if isinstance(sha256, str) else "")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    yield from (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()


def _part(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
