"""The thread looks whether it is paused, then notes that a save is running: pause() may come in between.

caught-by: test_no_save_begins_during_a_pause (failed)
says: "it returned, and then a save ran"
misconception: M05 locking the change is enough
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self


class AutoSaver:
    errors: list[tuple[str, Exception]]

    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors = []
        self._save = save
        self._interval = interval
        self._lock = threading.Lock()
        self._dirty: dict[str, bytes] = {}
        self._closing = threading.Event()
        self._not_paused = threading.Event()
        self._not_paused.set()
        self._idle = threading.Event()
        self._idle.set()
        self._begin = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._lock:
            self._launch()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._lock:
            if self._closing.is_set():
                raise RuntimeError("closed")
            self._dirty[name] = content

    def pause(self) -> None:
        with self._lock:
            if not self._closing.is_set():
                self._not_paused.clear()
        self._idle.wait()

    def resume(self) -> None:
        self._not_paused.set()

    def close(self, timeout: float = 5.0) -> None:
        end = time.monotonic() + timeout
        with self._lock:
            self._closing.set()
            self._not_paused.set()
            if self._thread is None:
                self._launch()
            thread = self._thread
        assert thread is not None
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            raise TimeoutError("not saved in time")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _launch(self) -> None:
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 1
        while not self._closing.wait(max(0.0, self._begin + number * self._interval - time.monotonic())):
            if self._not_paused.is_set():
                self._save_all(last=False)
            else:
                self._not_paused.wait()
            number = max(number + 1, int((time.monotonic() - self._begin) // self._interval) + 1)
        self._save_all(last=True)

    def _save_all(self, last: bool) -> None:
        with self._lock:
            names = list(self._dirty)
        for name in names:
            if not last and (self._closing.is_set() or not self._not_paused.is_set()):
                return
            self._idle.clear()
            with self._lock:
                content = self._dirty.pop(name)
            try:
                self._save(name, content)
            except Exception as exc:
                with self._lock:
                    self.errors.append((name, exc))
                    self._dirty.setdefault(name, content)
            finally:
                self._idle.set()
