"""The callback of a future runs in the thread that ended the work.

caught-by: test_a_run_is_shown_from_its_start_to_its_end (failed)
says: "was used in thread"
misconception: M14 errors in the background will be seen (a callback of a future logs and goes on)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self.app, self.view, self.analyse = app, view, analyse
        self.pool = ThreadPoolExecutor(max_workers=4)
        self.future: Future[object] | None = None
        self.stop = threading.Event()
        self.percent = 0

    def on_start(self, files: Sequence[str]) -> None:
        if self.future is not None:
            return
        self.stop = threading.Event()
        self.percent = 0
        self.view.label.text, self.view.bar.value = "running", 0
        self.future = self.pool.submit(self.analyse, files, self.report, self.stop.is_set)
        self.future.add_done_callback(self.finished)
        self.app.after(20, self.poll)

    def report(self, percent: int) -> None:
        self.percent = max(self.percent, percent)

    def finished(self, future: Future[object]) -> None:
        error = future.exception()
        self.view.label.text = f"done: {future.result()}" if error is None else f"failed: {error}"
        self.future = None

    def poll(self) -> None:
        if self.future is not None:
            self.view.bar.value = self.percent
            self.app.after(20, self.poll)

    def on_cancel(self) -> None:
        if self.future is not None:
            self.stop.set()
            self.view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self.pool.shutdown(wait=False)
        if self.future is not None:
            wait([self.future], timeout=1)
