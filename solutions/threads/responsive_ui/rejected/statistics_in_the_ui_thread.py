"""The result comes from the worker, but the statistics about it are worked out in the UI thread.

caught-by: test_ticks_come_on_time_while_analyse_computes (failed)
says: "there was no tick for"
misconception: M02 threads always make it faster
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ui import AnalyseView, App, demo

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]
POLL = 20  # ms: fifty looks a second, fewer than the bar may move
PATIENCE = 1.0  # seconds that on_close may take


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self._app, self._view, self._analyse = app, view, analyse
        self._messages: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()  # the only way across
        self._number = 0  # of the current run: messages of others are stale
        self._is_running = False  # as the user sees it, whatever the threads do
        self._is_closed = False
        self._cancelled = threading.Event()
        self._poll_number: int | None = None
        self._workers: list[threading.Thread] = []

    def on_start(self, files: Sequence[str]) -> None:
        if self._is_running or self._is_closed:
            return
        self._number += 1
        self._is_running = True
        self._cancelled = threading.Event()  # a new one: clearing the old one would revive a run that has not noticed yet
        self._view.label.text = "running"
        self._view.bar.value = 0
        worker = threading.Thread(
            target=self._work, args=(self._number, tuple(files), self._cancelled), name="analyse", daemon=True
        )
        self._workers = [*(w for w in self._workers if w.is_alive()), worker]
        worker.start()
        if self._poll_number is None:
            self._poll_number = self._app.after(POLL, self._poll)

    def on_cancel(self) -> None:
        if not self._is_running:
            return
        self._cancelled.set()
        self._number += 1  # from now on nothing of this run is shown
        self._is_running = False
        self._view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self._is_closed = True
        if self._poll_number is not None:
            self._app.after_cancel(self._poll_number)
            self._poll_number = None
        end = time.monotonic() + PATIENCE
        for worker in self._workers:
            worker.join(max(0.0, end - time.monotonic()))

    def _work(self, number: int, files: Sequence[str], cancelled: threading.Event) -> None:
        """In the worker: touches the queue and nothing else."""

        def report(percent: int) -> None:
            self._messages.put((number, "progress", percent))

        try:
            result = self._analyse(files, report, cancelled.is_set)
        except BaseException as error:  # also SystemExit: whatever ends the run must reach the label
            self._messages.put((number, "end", f"failed: {error}"))
        else:
            self._messages.put((number, "end", f"done: {result}"))

    def _poll(self) -> None:
        self._poll_number = None
        percent, end = self._view.bar.value, None
        while True:
            try:
                number, kind, payload = self._messages.get_nowait()
            except queue.Empty:
                break
            if number != self._number:
                continue
            if kind == "progress":
                percent = max(percent, payload)  # of all reports since the last look, one is shown
            else:
                end = payload
        if not self._is_running:
            return
        self._view.bar.value = percent
        if end is None:
            self._poll_number = self._app.after(POLL, self._poll)
        else:
            if percent > 50:
                self._statistics = sum(range(6_000_000))  # "only one number": an eighth of a second in the UI thread
            self._is_running = False
            self._view.label.text = end


if __name__ == "__main__":
    demo(AnalyseController)
