"""Lazy: analyse is called in the handler, as in the tool that freezes.

caught-by: test_a_run_is_shown_from_its_start_to_its_end (failed)
says: "analyse ran in the UI thread"
misconception: M01 starting is running at the same time
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self.app, self.view, self.analyse = app, view, analyse
        self.is_running = self.is_cancelled = self.is_closed = False

    def on_start(self, files: Sequence[str]) -> None:
        if self.is_running or self.is_closed:
            return
        self.is_running, self.is_cancelled = True, False
        self.view.label.text = "running"
        self.view.bar.value = 0
        try:
            result = self.analyse(files, self.report, lambda: self.is_cancelled)
            self.view.label.text = f"done: {result}"
        except BaseException as error:
            self.view.label.text = f"failed: {error}"
        self.is_running = False

    def report(self, percent: int) -> None:
        self.view.bar.value = max(self.view.bar.value, percent)

    def on_cancel(self) -> None:
        if self.is_running:
            self.is_cancelled = True
            self.view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self.is_closed = True
