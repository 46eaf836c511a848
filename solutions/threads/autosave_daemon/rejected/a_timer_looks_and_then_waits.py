"""A chain of Timers: the tick looks whether it is paused, then waits for its turn to save.

caught-by: test_no_save_begins_during_a_pause (failed)
says: "it returned, and then a save ran"
misconception: M05 locking the change is enough
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.save = save
        self.interval = interval
        self.errors: list[tuple[str, Exception]] = []
        self.dirty: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.saving = threading.Lock()
        self.timer: threading.Timer | None = None
        self.paused = False
        self.closed = False

    def start(self) -> None:
        self.timer = threading.Timer(self.interval, self.tick)
        self.timer.name = "autosave"
        self.timer.daemon = True
        self.timer.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self.lock:
            if self.closed:
                raise RuntimeError("closed")
            self.dirty[name] = content

    def pause(self) -> None:
        self.paused = True
        with self.saving:
            pass

    def resume(self) -> None:
        self.paused = False

    def close(self, timeout: float = 5.0) -> None:
        with self.lock:
            self.closed = True
        if self.timer is not None:
            self.timer.cancel()
        last = threading.Thread(target=self.save_all, daemon=True)
        last.start()
        last.join(timeout)
        if last.is_alive():
            raise TimeoutError("still saving")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def tick(self) -> None:
        if not self.paused:
            self.save_all()
        with self.lock:
            if not self.closed:
                self.start()

    def save_all(self) -> None:
        with self.saving:
            with self.lock:
                batch = dict(self.dirty)
                self.dirty.clear()
            for name, content in batch.items():
                try:
                    self.save(name, content)
                except Exception as error:
                    with self.lock:
                        self.errors.append((name, error))
                        self.dirty.setdefault(name, content)
