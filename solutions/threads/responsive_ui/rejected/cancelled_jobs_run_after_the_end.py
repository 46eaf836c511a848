"""on_close puts its sentinel behind jobs that were cancelled, and the worker begins them.

caught-by: test_close_waits_a_second_at_most (failed)
says: "a run that was cancelled"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


@dataclass(eq=False)
class Job:
    files: list[str]
    stop: threading.Event = field(default_factory=threading.Event)


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self.app, self.view, self.analyse = app, view, analyse
        self.jobs: queue.Queue[Job | None] = queue.Queue()
        self.news: queue.Queue[tuple[Job, str, Any]] = queue.Queue()
        self.job: Job | None = None
        self.closed = False
        self.polling = False
        self.worker = threading.Thread(target=self.work, name="worker", daemon=True)
        self.worker.start()

    def on_start(self, files: Sequence[str]) -> None:
        if self.closed or self.job:
            return
        self.job = Job(list(files))
        self.view.label.text = "running"
        self.view.bar.value = 0
        self.jobs.put(self.job)
        if not self.polling:
            self.polling = True
            self.app.after(20, self.poll)

    def on_cancel(self) -> None:
        if self.job:
            self.job.stop.set()
            self.job = None
            self.view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        if not self.closed:
            self.closed = True
            self.jobs.put(None)
            self.worker.join(1.0)

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            try:
                result = self.analyse(job.files, lambda percent, job=job: self.news.put((job, "bar", percent)), job.stop.is_set)
                self.news.put((job, "end", f"done: {result}"))
            except BaseException as error:
                self.news.put((job, "end", f"failed: {error}"))

    def poll(self) -> None:
        best = -1
        while not self.news.empty():
            job, what, value = self.news.get()
            if job is not self.job:
                continue
            if what == "bar":
                best = max(best, value)
                continue
            self.view.bar.value = max(best, self.view.bar.value)
            self.view.label.text = value
            self.job = None
        if self.job is not None:
            if best > self.view.bar.value:
                self.view.bar.value = best
            self.app.after(20, self.poll)
        else:
            self.polling = False
