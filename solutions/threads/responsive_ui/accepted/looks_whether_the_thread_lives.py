"""A Thread subclass keeps its result; a run is over when its thread has ended and the UI thread has looked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


class Worker(threading.Thread):
    def __init__(self, analyse: Analyse, files: Sequence[str]) -> None:
        super().__init__()
        self.analyse, self.files = analyse, files
        self.percents = [0]
        self.is_cancelled = False
        self.outcome = ""

    def run(self) -> None:
        try:
            self.outcome = f"done: {self.analyse(self.files, self.percents.append, lambda: self.is_cancelled)}"
        except BaseException as error:
            self.outcome = f"failed: {error}"


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self._app, self._view, self._analyse = app, view, analyse
        self._worker: Worker | None = None
        self._given_up: list[Worker] = []
        self._timer: int | None = None
        self._closed = False

    def on_start(self, files: Sequence[str]) -> None:
        if self._worker or self._closed:
            return
        self._view.bar.value = 0
        self._view.label.text = "running"
        self._worker = Worker(self._analyse, files)
        self._worker.start()
        self._timer = self._app.after(40, self._look)

    def on_cancel(self) -> None:
        if self._worker is None:
            return
        self._worker.is_cancelled = True
        self._given_up.append(self._worker)
        self._worker = None
        self._app.after_cancel(self._timer or 0)
        self._view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self._closed = True
        began = time.monotonic()
        while any(w.is_alive() for w in self._given_up) and time.monotonic() < began + 0.95:
            time.sleep(0.01)

    def _look(self) -> None:
        worker = self._worker
        assert worker is not None
        over = not worker.is_alive()
        percents, count = worker.percents, len(worker.percents)
        self._view.bar.value = max(self._view.bar.value, max(percents[:count]))
        if over:
            self._worker = None
            self._view.label.text = worker.outcome
        else:
            del percents[: count - 1]
            self._timer = self._app.after(40, self._look)
