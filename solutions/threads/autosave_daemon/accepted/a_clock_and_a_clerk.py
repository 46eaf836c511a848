"""Two threads: a clock that puts ticks into a queue, and a clerk who saves. A lock with a time-out is the sleep of the clock."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Self


class AutoSaver(contextlib.AbstractContextManager["AutoSaver"]):
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors: list[tuple[str, Exception]] = []
        self._save = save
        self._interval = interval
        self._jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._run = threading.Lock()  # held as long as the clock should run
        self._run.acquire()
        self._notes = threading.Lock()
        self._desk: dict[str, bytes] = {}
        self._closed = self._paused = False
        self._at_work = threading.Condition()
        self._busy = False
        self._clerk = threading.Thread(target=self._serve, name="autosave", daemon=True)
        self._clock = threading.Thread(target=self._tick, name="autosave", daemon=True)

    def start(self) -> None:
        self._clerk.start()
        self._clock.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._notes:
            if self._closed:
                raise RuntimeError("closed")
            self._desk[name] = content

    def pause(self) -> None:
        with self._at_work:
            self._paused = True
            while self._busy:
                self._at_work.wait()

    def resume(self) -> None:
        with self._at_work:
            self._paused = False

    def close(self, timeout: float = 5.0) -> None:
        with self._notes:
            first, self._closed = not self._closed, True
            if first:
                if self._clerk.ident is None:
                    self._clerk.start()
                self._run.release()
                self._jobs.put("last")
        if self._clock.ident is not None:
            self._clock.join()
        self._clerk.join(timeout)
        if self._clerk.is_alive():
            raise TimeoutError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _tick(self) -> None:
        while not self._run.acquire(timeout=self._interval):
            self._jobs.put("tick")

    def _serve(self) -> None:
        job = ""
        while job != "last":
            job = self._jobs.get()
            with self._at_work:
                if self._paused and job != "last":
                    continue
                self._busy = True
            with self._notes:
                papers = dict(self._desk)
                self._desk.clear()
            for name, content in papers.items():
                try:
                    self._save(name, content)
                except Exception as error:
                    self.errors.append((name, error))
                    with self._notes:
                        self._desk.setdefault(name, content)
            with self._at_work:
                self._busy = False
                self._at_work.notify_all()
