"""The thread owns all state; everybody else sends it messages, and the time of the next tick is the time-out of its inbox."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors: list[tuple[str, Exception]] = []
        self._save = save
        self._interval = interval
        self._inbox: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self._door = threading.Lock()
        self._open = True
        self._started = False
        self._thread = threading.Thread(target=self._live, name="autosave", daemon=True)

    def start(self) -> None:
        with self._door:
            if not self._started:
                self._started = True
                self._thread.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._door:
            if not self._open:
                raise RuntimeError("closed")
            self._inbox.put(("mark", name, content))

    def pause(self) -> None:
        done = threading.Event()
        with self._door:
            self._inbox.put(("pause", done))
            running = self._started and self._open
        if running:
            done.wait()

    def resume(self) -> None:
        self._inbox.put(("resume",))

    def close(self, timeout: float = 5.0) -> None:
        with self._door:
            if self._open:
                self._open = False
                self._inbox.put(("close",))
        self.start()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _live(self) -> None:
        dirty: dict[str, bytes] = {}
        paused = False
        due = time.monotonic() + self._interval
        while True:
            try:
                what, *details = self._inbox.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                if not paused:
                    dirty = self._save_all(dirty)
                due = time.monotonic() + self._interval
                continue
            if what == "mark":
                name, content = details
                dirty[name] = content
            elif what == "pause":
                paused = True
                details[0].set()
            elif what == "resume":
                paused = False
            else:
                self._save_all(dirty)
                return

    def _save_all(self, dirty: dict[str, bytes]) -> dict[str, bytes]:
        failed = {}
        for name, content in dirty.items():
            try:
                self._save(name, content)
            except Exception as error:
                self.errors.append((name, error))
                failed[name] = content
        return failed
