"""The screen of `grader watch`: what runs now, what came of it, and which keys do what."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from grader.catalog import Exercise
from grader.render import markdown, schedule, terminal
from grader.render.screen import Screen, wrapped
from grader.text import visible
from grader.verdict import CheckResult, ExerciseResult, Kind, Verdict

GOOD = (Verdict.PASSED, Verdict.INCONCLUSIVE)
KEYS = "h hint   s task   r replay   n next   l list   Enter check again   q quit"


class Running:
    """What is known while checks run: a line that moves, and what did not pass so far."""

    def __init__(self, exercise: Exercise, screen: Screen) -> None:
        self._exercise, self._screen = exercise, screen
        self._checks = len(exercise.check_names)
        self._began = time.monotonic()
        self._spinner = Spinner("line")
        self.heard: list[CheckResult] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        passed = sum(check.verdict is Verdict.PASSED for check in self.heard)
        seconds = time.monotonic() - self._began
        state = f"{len(self.heard)} of {self._checks} checks done, {passed} passed ({seconds:.0f} s)"
        if self.heard and self.heard[-1].kind is Kind.HYGIENE and len(self.heard) < self._checks:
            state += "; now measuring, with the machine to itself"
        self._spinner.update(text=state)
        yield self._spinner
        yield from self._failures()

    def _failures(self) -> Iterator[Text]:
        """The first one, in the order of the checks' file, in full; the others in a line each."""
        order = self._exercise.check_names
        bad = sorted((c for c in self.heard if c.verdict not in GOOD), key=lambda check: order.index(check.name))
        if bad and bad[0].verdict is not Verdict.NOT_STARTED:
            path = {"path": self._exercise.stub.relative_to(self._exercise.root).as_posix()}
            so_far = ExerciseResult(
                self._exercise.slug, self._exercise.track, bad[0].verdict, 0, 0, 0.0, path, tuple(self.heard)
            )
            yield from terminal.failure(bad[0], so_far, self._screen)
            yield from (terminal.check_line(check, self._screen) for check in bad[1:])


class View:
    """Everything that `grader watch` prints. On a terminal, each save begins at the top."""

    def __init__(self, console: Console, screen: Screen) -> None:
        self._console, self._screen = console, screen
        self._live: Live | None = None
        self._running: Running | None = None

    def begin(self, exercise: Exercise, now: datetime) -> None:
        self.pause()
        if self._console.is_terminal:
            self._console.clear()
        self._print(Text.assemble((exercise.slug, "bold"), f": {exercise.title}   ", (f"{now:%H:%M:%S}", "dim")))
        self._running = Running(exercise, self._screen)
        self._move()

    def heard(self, check: CheckResult) -> None:
        if self._running is not None:
            self._running.heard.append(check)
        if self._live is not None:
            self._live.refresh()

    def pause(self) -> None:
        """Nothing moves on the screen after this."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def trouble(self, text: str) -> None:
        self.pause()
        self._running = None
        self._lines(visible(text))
        self.keys()

    def end(self, result: ExerciseResult, exercise: Exercise, following: Exercise | None, note: str) -> None:
        self.pause()
        self._running = None
        for line in terminal.exercise(result, self._screen):
            self._print(line)
        if note:
            self._lines(visible(note))
        if result.verdict is Verdict.PASSED:
            self._print(Text("All exercises are solved." if following is None else "Solved.", "green"))
        if result.verdict is Verdict.NOT_STARTED or following is not None:
            self.edit(following or exercise)
        self.keys()

    def edit(self, exercise: Exercise) -> None:
        path = exercise.stub.relative_to(exercise.root).as_posix()
        self._lines(f"Next: {exercise.slug}, {exercise.title}. Save your solution in")
        self._lines(f"  {path}", "bold")

    def keys(self) -> None:
        if self._running is not None:
            self._move()
        else:
            self._lines(KEYS, "dim")

    def _move(self) -> None:
        if self._running is not None and self._console.is_terminal:
            self._live = Live(self._running, console=self._console, refresh_per_second=8, transient=True)
            self._live.start()

    def hint(self, number: int, of: int, text: str) -> None:
        self.pause()
        self._lines(f"Hint {number} of {of}: {text}", "cyan")
        self.keys()

    def show(self, exercise: Exercise) -> None:
        self.pause()
        self._print(
            Text.from_ansi(markdown.rendered(exercise.readme.read_text(encoding="utf-8"), self._screen).rstrip())
        )
        self.keys()

    def overview(self, lines: Iterable[Text]) -> None:
        self.pause()
        for line in lines:
            self._print(line)
        self.keys()

    def schedule(self, result: ExerciseResult | None) -> Iterator[Text] | None:
        """The steps of the first schedule that failed, each printed as it is asked for; None if there is none."""
        self.pause()
        checks = result.checks if result is not None else ()
        found = next((c for c in checks if (c.evidence or {}).get("token") and c.evidence), None)
        if found is None or found.evidence is None:
            self._lines("There is no schedule to replay: no check of the last run failed by one.")
            self.keys()
            return None
        steps = found.evidence["steps"]
        self._print(Text(visible(found.title, one_line=True), "bold"))
        for line in schedule.legend(steps):
            self._print(line)
        self._print(Text("Space or Enter: next step, a: all the rest, q: back.", "dim"))
        return self._played(schedule.rows(steps, self._screen), found.message)

    def _played(self, rows: Iterator[Text], message: str) -> Iterator[Text]:
        for row in rows:
            self._print(row)
            yield row
        self._print(Text(visible(message.split("\n")[0]), "bold"))

    def _lines(self, text: str, style: str = "") -> None:
        for line in wrapped(text, self._screen.columns, "  "):
            self._print(Text(line, style))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
