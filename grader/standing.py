"""Where a student stands: per track the progress, what is done, tried and open, and the one command to go on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from grader.catalog import Catalog, Exercise, Track
from grader.progress import NOTHING, Mark
from grader.render.screen import Screen, cut, width, wrapped

NAME = 20  # columns for the name of an exercise
NARROW = 60  # columns below which a line has no room for a title
STYLE = {"done": "green", "tried": "yellow", "open": ""}


def standing(catalog: Catalog, marks: Mapping[str, Mark], following: Exercise | None, screen: Screen) -> Iterator[Text]:
    """Lines of at most the screen's columns. `following` is the exercise to go on with."""
    total = [marks.get(exercise.slug, NOTHING) for exercise in catalog.exercises]
    solved = sum(mark.solved for mark in total)
    yield Text(f"{solved} of {len(total)} exercises solved", "bold")
    for track in catalog.tracks:
        yield Text()
        yield from _track(track, marks, following, screen)
    yield Text()
    yield from _next(catalog, following, screen)


def _track(track: Track, marks: Mapping[str, Mark], following: Exercise | None, screen: Screen) -> Iterator[Text]:
    """A track that is done needs one line; it is in `grader list` with all that it has."""
    own = [marks.get(exercise.slug, NOTHING) for exercise in track.exercises]
    done = sum(mark.solved for mark in own)
    bar = "".join("=" if mark.solved else "-" if mark.tried else "." for mark in own)
    count = f"{done} of {len(own)}"
    title = cut(track.title, screen.columns - len(bar) - len(count) - 6)
    yield Text.assemble((f"{title:<17}", "bold"), f" {count} [{bar}]")
    if done == len(own):
        return
    for exercise, mark in zip(track.exercises, own, strict=True):
        missing = [name for name in exercise.prerequisites if not marks.get(name, NOTHING).solved]
        yield _exercise(exercise, mark, missing, exercise == following, screen)


def _exercise(exercise: Exercise, mark: Mark, missing: Sequence[str], is_next: bool, screen: Screen) -> Text:
    """State, stars, name; and the title, or what comes before it. On a narrow screen no more than the name."""
    state = "done" if mark.solved else "tried" if mark.tried else "open"
    points = f"{mark.best:>4}" if state == "tried" else ""
    pointer = ">" if is_next else " "
    stars = screen.glyphs("★" * exercise.stars)
    line = Text.assemble(
        f"{pointer} ", (f"{state:<5}", STYLE[state]), f"{points:<5} {stars:<5}", (f"{exercise.slug:<{NAME}}", "bold" if is_next else "")
    )  # fmt: skip
    if screen.columns < NARROW:
        line.truncate(screen.columns)
        line.rstrip()
        return line
    about = f"after {', '.join(missing)}" if missing and not mark.solved else exercise.title
    line.append("  " + cut(about, screen.columns - width(line.plain) - 2), "dim" if missing else "")
    return line


def _next(catalog: Catalog, following: Exercise | None, screen: Screen) -> Iterator[Text]:
    if following is None:
        yield Text("All exercises are solved. `grader check --all` checks them again.")
        return
    file = following.stub.relative_to(catalog.root).as_posix()
    texts = [
        f"Next: {following.title}, about {following.minutes} minutes. `grader show {following.slug}` tells the task.",
        f"Edit {file}",
        "and let it be checked on each save:",
    ]
    for line in (part for text in texts for part in wrapped(text, screen.columns)):
        yield Text(line)
    yield Text(f"  grader watch {following.slug}", "bold")


def everything(catalog: Catalog, marks: Mapping[str, Mark], screen: Screen) -> Iterator[Text]:
    """All exercises with their titles and minutes."""
    for track in catalog.tracks:
        yield Text(f"{track.title} ({track.name})")
        for exercise in track.exercises:
            state = "done" if marks.get(exercise.slug, NOTHING).solved else "    "
            head = f"  {state} {'*' * exercise.stars:<5} {exercise.slug:<{NAME}} "
            title = wrapped(f"{exercise.title} ({exercise.minutes} min)", max(20, screen.columns - len(head)))
            yield Text(head + f"\n{' ' * len(head)}".join(title))


def after(solved: bool, exercise: Exercise, following: Exercise | None, hints: int) -> str:
    """What to do next, below the verdict on a student's own file; `hints` is how many they have seen."""
    if not solved:
        left = len(exercise.hints) - hints
        count = f"{left} of {len(exercise.hints)} hints left" if left else "all hints seen, --again shows them"
        return f"Stuck? `grader hint {exercise.slug}` ({count})."
    if following is None:
        return "All exercises are solved."
    return f"Next: {following.slug}. `grader show {following.slug}` tells the task."
