"""Waits for the futures, and leaves the thread of the pool.

caught-by: test_close_ends_a_run_and_waits_for_it (failed)
says: "of your threads still live"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


@dataclass(eq=False)
class Run:
    """Written by the worker: `percent`. Written by the UI thread: `cancelled`."""

    percent: int = 0
    cancelled: bool = False
    future: Future[object] | None = None

    def report(self, percent: int) -> None:
        if percent > self.percent:  # one worker only: nobody else writes it
            self.percent = percent

    def is_cancelled(self) -> bool:
        return self.cancelled


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self._app, self._view, self._analyse = app, view, analyse
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="analyse")
        self._run: Run | None = None
        self._futures: list[Future[object]] = []
        self._closed = False

    def on_start(self, files: Sequence[str]) -> None:
        if self._run is not None or self._closed:
            return
        run = self._run = Run()
        self._view.label.text = "running"
        self._view.bar.value = 0
        run.future = self._pool.submit(self._analyse, list(files), run.report, run.is_cancelled)
        self._futures = [f for f in self._futures if not f.done()] + [run.future]
        self._app.after(25, self._look, run)

    def on_cancel(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        run.cancelled = True
        if run.future is not None:
            run.future.cancel()  # if it has not begun
        self._view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self._closed = True
        wait(self._futures, timeout=1)

    def _look(self, run: Run) -> None:
        if run is not self._run or run.future is None:
            return
        is_over = run.future.done()  # first this, then the number: what was reported before the end is seen
        self._view.bar.value = run.percent
        if not is_over:
            self._app.after(25, self._look, run)
            return
        self._run = None
        error = run.future.exception()
        self._view.label.text = f"done: {run.future.result()}" if error is None else f"failed: {error}"
