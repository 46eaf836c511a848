"""A thread for each run and a slot under a lock; the window looks every 30 ms for as long as it lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


class Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.percent = 0
        self.end: str | None = None
        self.stop = threading.Event()


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self.app, self.view, self.analyse = app, view, analyse
        self.slot: Slot | None = None
        self.threads: set[threading.Thread] = set()
        self.closed = False
        app.after(30, self.poll)

    def on_start(self, files: Sequence[str]) -> None:
        if self.closed or self.slot is not None:
            return
        slot = self.slot = Slot()
        self.view.label.text = "running"
        self.view.bar.value = 0

        def report(percent: int) -> None:
            with slot.lock:
                slot.percent = max(slot.percent, percent)

        def work() -> None:
            end = "failed: "
            try:
                end = f"done: {self.analyse(files, report, slot.stop.is_set)}"
            except BaseException as error:
                end = f"failed: {error}"
            finally:
                with slot.lock:
                    slot.end = end

        thread = threading.Thread(target=work)
        self.threads.add(thread)
        thread.start()

    def on_cancel(self) -> None:
        if self.slot is not None:
            self.slot.stop.set()
            self.slot = None
            self.view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self.closed = True
        limit = time.monotonic() + 1
        for thread in self.threads:
            thread.join(timeout=max(limit - time.monotonic(), 0))

    def poll(self) -> None:
        if self.closed:
            return
        self.threads = {thread for thread in self.threads if thread.is_alive()}
        if self.slot is not None:
            with self.slot.lock:
                percent, end = self.slot.percent, self.slot.end
            self.view.bar.value = percent
            if end is not None:
                self.view.label.text = end
                self.slot = None
        self.app.after(30, self.poll)
