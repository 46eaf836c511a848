"""The checks are checked: references pass, wrong submissions fail first where their header says, no check is dead."""

from __future__ import annotations

import ast
import functools
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader import odd_answers
from grader.catalog import Exercise
from grader.errors import GraderFault
from grader.grading import Grading, Heard, Request
from grader.verdict import CheckResult, ExerciseResult, Kind, Verdict

BAD = (Verdict.FAILED, Verdict.HUNG, Verdict.CRASHED)
CAUGHT = re.compile(r"(test_\w+) \((failed|hung|crashed)\)")
AT_ONCE = 8  # wrong submissions that are tried together until one fails a check
Say = Callable[[str], None]


@dataclass(frozen=True)
class Header:
    """What the docstring of a rejected submission promises."""

    caught_by: dict[str, Verdict]
    says: tuple[str, ...]
    misconception: str


@functools.cache
def header(path: Path) -> Header:
    """Read it. Raises GraderFault that names the missing line."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    fields: dict[str, str] = {}
    key = ""
    for line in doc.splitlines():
        if match := re.match(r"(caught-by|says|misconception):\s*(.*)", line):
            key = match[1]
            fields[key] = match[2]
        elif key and line.strip():
            fields[key] += " " + line.strip()
    caught = {name: Verdict(verdict) for name, verdict in CAUGHT.findall(fields.get("caught-by", ""))}
    says = tuple(re.findall(r'"([^"]+)"', fields.get("says", "")))
    for name, there in (("caught-by", caught), ("says", says), ("misconception", fields.get("misconception"))):
        if not there:
            raise GraderFault(
                f"{path}: its docstring has no usable line '{name}:'. Another rejected file shows the form."
            )
    return Header(caught, says, fields["misconception"])


def check_files(exercise: Exercise) -> Iterator[str]:
    """What is wrong with the exercise's files, without running anything."""
    if sum(exercise.points.values()) != 100:
        yield f"the points add up to {sum(exercise.points.values())}, not 100"
    if len(exercise.hints) != 3:
        yield f"{len(exercise.hints)} hints, not 3"
    if "TODO" not in exercise.stub.read_text(encoding="utf-8"):
        yield "the stub has no TODO"
    known = {exercise.stub.name, "README.md", "exercise.toml", *exercise.given}
    yield from (f"stray file {p.name}" for p in exercise.folder.iterdir() if p.name not in known and p.is_file())
    readme = exercise.readme.read_text(encoding="utf-8")
    wanted = signatures(exercise.stub)
    for name in exercise.functions:
        if name not in readme:
            yield f"the README does not mention {name}"
    for path in (exercise.reference, *exercise.accepted):
        found = signatures(path)
        for name, signature in wanted.items():
            if name.split(".")[0] in exercise.functions and found.get(name, signature) != signature:
                yield f"{path.name}: the signature of {name} differs from the stub's"
    if not exercise.accepted:
        yield "no accepted solution of a different design"


def signatures(path: Path) -> dict[str, str]:
    """Public functions and methods ("Class.method") of a file, and the names and defaults of their arguments."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = [(f"{node.name}.", n) for n in node.body] if isinstance(node, ast.ClassDef) else [("", node)]
        for prefix, function in inside:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and (
                not function.name.startswith("_") or function.name == "__init__"
            ):
                for argument in [*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs]:
                    argument.annotation = None
                found[prefix + function.name] = ast.unparse(function.args)
    return found


def check_exercise(exercise: Exercise, jobs: int | None, heard: Heard, say: Say, quick: bool = False) -> list[str]:
    """Every broken promise of one exercise, as lines; an empty list means that all hold.

    `quick` runs wrong submissions against the check that their header names, and not against those before it; and nothing
    against odd answers.
    """
    problems = list(check_files(exercise))
    with Grading(jobs=jobs) as grading:
        good = [Request(exercise, p) for p in (exercise.stub, exercise.reference, *exercise.accepted)]
        stub, *solutions = grading.run(good, heard)
    for asked, result in zip(good, (stub, *solutions), strict=True):
        problems += [f"{asked.submission.name}: {line}" for line in _broken(asked, result)]
    say(f"{exercise.slug}: stub, reference and {len(exercise.accepted)} accepted done")
    wrong = [Request(exercise, p, tuple(header(p).caught_by) if quick else ()) for p in exercise.rejected]
    with Grading(jobs=jobs, options=["-x"]) as grading:
        results = grading.run(wrong, heard)
    for asked, result in zip(wrong, results, strict=True):
        problems += [f"rejected/{asked.submission.name}: {line}" for line in _broken(asked, result)]
    caught = {c.name for result in results for c in result.checks if c.verdict in BAD}
    unproven = [c.name for c in solutions[0].checks if c.name not in caught]
    problems += _dead(exercise, unproven, wrong, jobs, heard, solutions[0])
    if not quick:
        problems += _errors(exercise, jobs, heard)
    return problems


@dataclass(frozen=True)
class Sample:
    """`run` of `total` submissions were judged; `problems` as of `check_exercise`."""

    run: int
    total: int
    problems: list[str]


def sample(exercises: Sequence[Exercise], seconds: float, seed: str, jobs: int | None, heard: Heard) -> Sample:
    """As much of the proof as fits into so many seconds: every stub and reference, then the others in an order by the seed.

    Wrong submissions run against the check that must catch them. Stubs and references are run however long they take.
    """
    end = time.monotonic() + seconds
    problems = [f"{e.slug}: {line}" for e in exercises for line in check_files(e)]
    first = [Request(e, path) for e in exercises for path in (e.stub, e.reference)]
    rest = [Request(e, path) for e in exercises for path in e.accepted]
    rest += [Request(e, path, tuple(header(path).caught_by)) for e in exercises for path in e.rejected]
    random.Random(seed).shuffle(rest)
    with Grading(jobs=jobs, options=["-x"]) as grading:
        results = [*grading.run(first, heard), *grading.run_until(end, rest, heard)]
    judged = [(asked, result) for asked, result in zip([*first, *rest], results, strict=True) if result is not None]
    for asked, result in judged:
        problems += [f"{asked.exercise.slug}/{asked.submission.name}: {line}" for line in _broken(asked, result)]
    return Sample(len(judged), len(results), problems)


def _broken(asked: Request, result: ExerciseResult) -> Iterator[str]:
    if asked.submission == asked.exercise.stub:
        if result.verdict is not Verdict.NOT_STARTED:
            yield f"the stub ends as {result.verdict}, not as not_started"
    elif asked.submission in asked.exercise.rejected:
        yield from _not_rejected(asked, result)
    else:
        yield from _not_passed(result)


def _not_passed(result: ExerciseResult) -> Iterator[str]:
    for check in result.checks:
        if check.verdict is Verdict.INCONCLUSIVE and check.kind is Kind.SPEEDUP:
            continue
        if check.verdict is not Verdict.PASSED:
            yield f"{check.name} is {check.verdict}: {check.message}"


def _not_rejected(asked: Request, result: ExerciseResult) -> Iterator[str]:
    promise = header(asked.submission)
    first = next((c for c in result.checks if c.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE)), None)
    if first is None:
        if not _unmeasured(result, promise):
            yield f"passes, but should fail at {', '.join(promise.caught_by)}"
        return
    if promise.caught_by.get(first.name) is not first.verdict:
        yield f"fails first at {first.name} ({first.verdict}), not at {', '.join(promise.caught_by)}: {first.message}"
        return
    text = " ".join(f"{first.message} {first.advice}".split())
    if not any(words in text for words in promise.says):
        yield f"the message of {first.name} does not say {promise.says!r}: {text}"


def _unmeasured(result: ExerciseResult, promise: Header) -> bool:
    """The one check that could catch it is a speed-up that this machine cannot measure now."""
    return any(c.name in promise.caught_by and c.verdict is Verdict.INCONCLUSIVE for c in result.checks)


def _dead(
    exercise: Exercise,
    names: Sequence[str],
    wrong: Sequence[Request],
    jobs: int | None,
    heard: Heard,
    reference: ExerciseResult,
) -> list[str]:
    """Checks that no wrong submission fails, also when it is run alone."""
    kinds = {c.name: c.kind for c in reference.checks}
    with Grading(jobs=jobs) as grading:
        return [
            f"{name} is a dead check: no rejected submission fails it"
            for name in names
            if not _catches_one(name, kinds[name], wrong, grading, heard)
        ]


def _catches_one(name: str, kind: Kind, wrong: Sequence[Request], grading: Grading, heard: Heard) -> bool:
    """Does any wrong submission fail this check? Looks no further than the first few that do."""
    checks: list[CheckResult] = []
    alone = [replace(request, only=(name,)) for request in wrong]
    alone.sort(key=lambda request: name not in header(request.submission).caught_by)
    for start in range(0, len(alone), AT_ONCE):
        results = grading.run(alone[start : start + AT_ONCE], heard)
        checks += [c for result in results for c in result.checks if c.name == name]
        if any(c.verdict in BAD for c in checks):
            return True
    return _busy(kind, checks)


def _errors(exercise: Exercise, jobs: int | None, heard: Heard) -> Iterator[str]:
    """Checks that take a submission's nonsense for a fault of the grader."""
    with tempfile.TemporaryDirectory(prefix="odd-") as folder, Grading(jobs=jobs) as grading:
        odd = []
        for name, source in odd_answers.submissions(exercise.stub):
            path = Path(folder) / f"{name}.py"
            path.write_text(source, encoding="utf-8")
            odd.append(Request(exercise, path))
        results = grading.run(odd, heard)
    for asked, result in zip(odd, results, strict=True):
        for check in result.checks:
            if check.verdict is Verdict.ERROR:
                yield f"odd answer {asked.submission.stem}: {check.name} is error: {check.message}"
        if result.verdict is Verdict.PASSED:
            yield f"odd answer {asked.submission.stem}: passes"


def _busy(kind: Kind, checks: Sequence[CheckResult]) -> bool:
    return kind is Kind.SPEEDUP and any(c.verdict is Verdict.INCONCLUSIVE for c in checks)
