"""`grader watch`: check again at every save, with a judge that is ready before the save comes.

One event loop in the main thread takes keys, saved files and results, one after the other; judges are waited for in
threads. A save while checks run ends them and begins anew. The terminal's mode is restored whatever happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import watchfiles
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.keys import Keys
from rich.text import Text

from grader import grading, latest, progress
from grader.catalog import Catalog, Exercise
from grader.errors import GraderError, GraderFault
from grader.grading import Grading, Request, Standing
from grader.render.watching import View
from grader.verdict import CheckResult, ExerciseResult, Verdict

QUICK_FIRST = ("--quick-first",)
SETTLED = 20  # ms without another change: editors write in several steps
REAPPEARS = 0.3  # seconds that an editor may need between removing a file and writing it anew
State = tuple[int, int, int]
Overview = Callable[[Catalog], Iterable[Text]]  # where the student stands


@dataclass(frozen=True)
class Key:
    name: str


@dataclass(frozen=True)
class Changed:
    paths: frozenset[Path]


@dataclass(frozen=True)
class Heard:
    run: int
    check: CheckResult


@dataclass(frozen=True)
class Ended:
    """`result`: None if the run was ended by a newer one; a text if there was nothing that could be checked."""

    run: int
    result: ExerciseResult | str | None


@dataclass(frozen=True)
class Lost:
    """Saves can no longer be seen."""

    why: str


Event = Lost | Key | Changed | Heard | Ended


class Judges:
    """At most one judge that works and one that is ready for the next save. Thread-safe; `close()` it at the end."""

    def __init__(self, grading: Grading) -> None:
        self._grading = grading
        self._lock = threading.Lock()
        self._ready: tuple[Standing, ExitStack] | None = None
        self._working: Standing | None = None

    def prepare(self, exercise: Exercise) -> None:
        """Have a judge ready for this exercise."""
        with self._lock:
            if self._ready is not None:
                if self._ready[0].exercise == exercise and self._ready[0].is_usable:
                    return
                self._ready[1].close()
            stack = ExitStack()
            self._ready = stack.enter_context(self._grading.standing(exercise, QUICK_FIRST)), stack

    def run(self, asked: Request, heard: Callable[[Request, CheckResult], None]) -> ExerciseResult | None:
        """None if `stop` or another `run` came meanwhile. Raises OSError or GraderError when nothing could be judged."""
        self.stop()
        self.prepare(asked.exercise)
        with self._lock:
            assert self._ready is not None
            (judge, stack), self._ready = self._ready, None
            self._working = judge
        with stack:
            result = judge.run(asked, heard)
            with self._lock:
                if self._working is not judge:
                    return None
                if result.verdict is not Verdict.ERROR and self._ready is None:  # it is ready for the next save
                    self._ready = judge, stack.pop_all()
                self._working = None
        return result

    def stop(self) -> None:
        """End the judge that works."""
        with self._lock:
            working, self._working = self._working, None
        if working is not None:
            working.end()

    def close(self) -> None:
        self.stop()
        with self._lock:
            if self._ready is not None:
                self._ready[1].close()
                self._ready = None


class Watch:
    """The state of one `grader watch`, and what each event does to it."""

    def __init__(
        self,
        catalog: Catalog,
        exercise: Exercise,
        judges: Judges,
        screen: View,
        overview: Overview,
        keep: Callable[[ExerciseResult], None] = lambda result: None,
    ) -> None:
        """`keep` is given each result; it may raise OSError."""
        self._overview, self._keep = overview, keep
        self._catalog, self._exercise, self._judges, self._screen = catalog, exercise, judges, screen
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._run = 0
        self._seen: dict[str, State] = {}  # the state of each exercise's files at its last check
        self._last: ExerciseResult | None = None
        self._steps: Iterator[object] | None = None  # of the schedule that is being played

    async def main(self, changes: AsyncIterator[frozenset[Path]], keys: Input | None) -> None:
        """Until the user quits."""
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            if keys is not None:
                stack.enter_context(keys.raw_mode())
                stack.enter_context(keys.attach(lambda: self._read(keys)))
            follower = loop.create_task(self._follow(changes))
            try:
                await self._check()
                while await self._handle(await self._events.get(), keys):
                    pass
            finally:
                follower.cancel()
                self._screen.pause()
                await asyncio.to_thread(self._judges.close)

    def _read(self, keys: Input) -> None:
        for press in [*keys.read_keys(), *keys.flush_keys()]:
            self._events.put_nowait(Key(press.key))
        if keys.closed:
            self._events.put_nowait(Key(Keys.ControlD))

    async def _follow(self, changes: AsyncIterator[frozenset[Path]]) -> None:
        try:
            async for paths in changes:
                self._events.put_nowait(Changed(paths))
        except OSError as error:
            self._events.put_nowait(Lost(error.strerror or str(error)))

    async def _handle(self, event: Event, keys: Input | None) -> bool:
        """False: the end."""
        match event:
            case Lost(why):
                raise GraderFault(f"Saved files cannot be watched here: {why}. `grader check` works without it.")
            case Key(name):
                return await self._pressed(name, keys)
            case Changed(paths):
                await self._changed(paths)
            case Heard(run, check) if run == self._run:
                self._screen.heard(check)
            case Ended(run, result) if run == self._run:
                await self._ended(result)
        return True

    # -- saves and results -----------------------------------------------------------------------------------------

    async def _changed(self, paths: frozenset[Path]) -> None:
        stubs = {exercise.stub: exercise for exercise in self._catalog.exercises}
        saved = next((stubs[path] for path in sorted(paths) if path in stubs), None)
        if saved is None and not paths & set(files_of(self._exercise)):
            return
        self._exercise = saved or self._exercise
        if not self._exercise.stub.exists():
            await asyncio.sleep(REAPPEARS)
        if state_of(self._exercise) != self._seen.get(self._exercise.slug):
            await self._check()

    async def _check(self) -> None:
        """Begin to check the present exercise; what runs is ended."""
        self._run += 1
        self._steps = self._last = None
        exercise = self._exercise
        self._seen[exercise.slug] = state_of(exercise)
        self._screen.begin(exercise, datetime.now())
        try:
            asked = grading.request(exercise)
        except GraderError as error:
            self._judges.stop()
            self._screen.trouble(str(error))
            return
        loop, run = asyncio.get_running_loop(), self._run

        def tell(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the user has quit
                loop.call_soon_threadsafe(self._events.put_nowait, event)

        def judge() -> None:
            try:
                result: ExerciseResult | str | None = self._judges.run(asked, lambda _, check: tell(Heard(run, check)))
            except (GraderError, OSError) as error:
                why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
                result = f"This save could not be checked: {why.rstrip('.')}. Save again when that is mended."
            tell(Ended(run, result))

        threading.Thread(target=judge, name=f"run {run}", daemon=True).start()

    async def _ended(self, result: ExerciseResult | str | None) -> None:
        if result is None:
            return
        if isinstance(result, str):
            self._screen.trouble(result)
            return
        self._last = result
        note = ""
        try:
            progress.remember(self._catalog.root, [result])
            self._keep(result)
        except OSError as error:  # only a memory aid: the verdict stands without it
            note = f"This could not be remembered: {error.strerror}."
        following = progress.next_exercise(self._catalog) if result.verdict is Verdict.PASSED else None
        self._screen.end(result, self._exercise, following, note)
        if following is not None:
            self._exercise = following
        with contextlib.suppress(GraderError, OSError):  # the next save tells why there is none
            await asyncio.to_thread(self._judges.prepare, self._exercise)

    # -- keys ------------------------------------------------------------------------------------------------------

    async def _pressed(self, key: str, keys: Input | None) -> bool:
        if key in (Keys.ControlC, Keys.ControlD):
            return False
        if key == Keys.ControlZ and keys is not None and hasattr(signal, "SIGTSTP"):
            self._suspend(keys)
        elif self._steps is not None:
            self._step(key)
        elif key == "q":
            return False
        elif key == "h":
            number, text = progress.next_hint(self._exercise)
            self._screen.hint(number, len(self._exercise.hints), text)
        elif key == "s":
            self._screen.show(self._exercise)
        elif key == "l":
            self._screen.overview(self._overview(self._catalog))
        elif key == "r":
            self._replay()
        elif key == "n":
            self._exercise = following(self._catalog, self._exercise)
            await self._check()
        elif key in (Keys.Enter, "c"):
            await self._check()
        return True

    def _replay(self) -> None:
        self._steps = self._screen.schedule(self._last)
        if self._steps is not None:
            self._step(" ")

    def _step(self, key: str) -> None:
        """One step of the schedule, or all of them, or back."""
        assert self._steps is not None
        if key in ("q", Keys.Escape):
            self._steps = None
        elif key in ("a", " ", Keys.Enter):
            more = next(self._steps, None)
            while more is not None and key == "a":
                more = next(self._steps, None)
            if more is None:
                self._steps = None
        if self._steps is None:
            self._screen.keys()

    def _suspend(self, keys: Input) -> None:
        self._screen.pause()
        with keys.cooked_mode():
            os.kill(0, signal.SIGTSTP)
        self._screen.keys()


def files_of(exercise: Exercise) -> list[Path]:
    """What a change of which asks for a new check."""
    return [exercise.stub, exercise.tests, *exercise.given_files]


def state_of(exercise: Exercise) -> State:
    """Tells one saved state from another: the newest time of change (ns), all sizes (bytes), the file's number."""
    found = [path.stat() for path in files_of(exercise) if path.exists()]
    own = exercise.stub.stat().st_ino if exercise.stub.exists() else 0
    return max((s.st_mtime_ns for s in found), default=0), sum(s.st_size for s in found), own


def following(catalog: Catalog, exercise: Exercise) -> Exercise:
    """The next one that is not solved, from this one on and then from the start; simply the next one if all are."""
    exercises = list(catalog.exercises)
    place = exercises.index(exercise) + 1
    later = [*exercises[place:], *exercises[:place]]
    done = progress.solved(catalog.root)
    return next((e for e in later if e.slug not in done), later[0])


async def changes_below(folders: Sequence[Path]) -> AsyncIterator[frozenset[Path]]:
    """The files that changed, a set at a time. Looks at them again and again where the system has no events to give."""
    for polling in (None, True):
        try:
            async for found in watchfiles.awatch(
                *folders, watch_filter=None, debounce=10 * SETTLED, step=SETTLED, force_polling=polling
            ):
                yield frozenset(Path(path) for _, path in found)
            return
        except OSError:  # the system's limit of watches is reached
            if polling:
                raise


def watch(
    catalog: Catalog, exercise: Exercise, view: View, overview: Overview, *, seed: int, isolation: str | None
) -> None:
    """Until the user quits. Raises UsageError or GraderFault when no judge can be had at all."""
    keys = create_input(sys.stdin) if sys.stdin.isatty() else None
    folders = [catalog.root / "exercises", catalog.root / "tests"]
    with Grading(seed=seed, isolation=isolation) as run:

        def keep(result: ExerciseResult) -> None:
            """For `grader report`."""
            stub = catalog.find(result.name).stub
            latest.keep(catalog.root, grading.report([result], seed, run.isolation), latest.sources_of([stub]))

        watching = Watch(catalog, exercise, Judges(run), view, overview, keep)
        asyncio.run(watching.main(changes_below(folders), keys))
