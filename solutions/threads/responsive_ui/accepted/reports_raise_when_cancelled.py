"""A queue and a poll for each run; `report` of a cancelled run raises, so that analyse ends as soon as it says something."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ui import AnalyseView, App

Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


class GivenUp(Exception):
    pass


class Run:
    def __init__(self, controller: AnalyseController, files: Sequence[str]) -> None:
        self.controller, self.files = controller, files
        self.mail: deque[int | str] = deque()
        self.given_up = threading.Event()
        self.thread = threading.Thread(target=self.work, name="run", daemon=True)

    def report(self, percent: int) -> None:
        if self.given_up.is_set():
            raise GivenUp
        self.mail.append(percent)

    def work(self) -> None:
        try:
            self.mail.append(f"done: {self.controller.analyse(self.files, self.report, self.given_up.is_set)}")
        except GivenUp:
            pass
        except BaseException as error:
            self.mail.append(f"failed: {error}")

    def poll(self) -> None:
        """In the UI thread, until the end or until it was given up."""
        if self.given_up.is_set():
            return
        view, best = self.controller.view, 0.0
        while self.mail:
            news = self.mail.popleft()
            if isinstance(news, str):
                view.bar.value = max(best, view.bar.value)
                view.label.text = news
                self.controller.run = None
                return
            best = max(best, news)
        view.bar.value = max(best, view.bar.value)
        self.controller.app.after(18, self.poll)


class AnalyseController:
    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        self.app, self.view, self.analyse = app, view, analyse
        self.run: Run | None = None
        self.threads: list[threading.Thread] = []
        self.is_closed = False

    def on_start(self, files: Sequence[str]) -> None:
        if self.run is None and not self.is_closed:
            self.run = Run(self, files)
            self.view.label.text, self.view.bar.value = "running", 0
            self.threads.append(self.run.thread)
            self.run.thread.start()
            self.app.after(18, self.run.poll)

    def on_cancel(self) -> None:
        if self.run is not None:
            self.run.given_up.set()
            self.run = None
            self.view.label.text = "cancelled"

    def on_close(self) -> None:
        self.on_cancel()
        self.is_closed = True
        until = time.monotonic() + 1
        for thread in self.threads:
            thread.join(max(0, until - time.monotonic()))
