"""Sleeps only when something is dirty: the first mark wakes the thread, which saves an interval later. The end of the program closes it."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self._write = save
        self._seconds = interval
        self.errors: list[tuple[str, Exception]] = []
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._dirty: dict[str, bytes] = {}
        self._something = threading.Event()
        self._stop = threading.Event()
        self._hold = False
        self._busy = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        thread = threading.Thread(target=self._loop, name="autosave", daemon=True)
        thread.start()
        self._thread = thread
        atexit.register(self._at_exit)

    def _at_exit(self) -> None:
        try:
            self.close(1.0)
        except TimeoutError:
            pass

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._lock:
            if self._stop.is_set():
                raise RuntimeError("closed")
            self._dirty[name] = content
        self._something.set()

    def pause(self) -> None:
        with self._idle:
            self._hold = True
            while self._busy:
                self._idle.wait()

    def resume(self) -> None:
        with self._idle:
            self._hold = False
            if self._dirty:
                self._something.set()

    def close(self, timeout: float = 5.0) -> None:
        with self._lock:
            self._stop.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="autosave", daemon=True)
                self._thread.start()
        self._something.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError
        atexit.unregister(self._at_exit)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._something.wait()
            self._something.clear()
            if not self._stop.wait(self._seconds):
                self._save_what_is_dirty()
        self._save_what_is_dirty()

    def _save_what_is_dirty(self) -> None:
        with self._idle:
            if self._hold and not self._stop.is_set():
                return
            self._busy = True
            names = set(self._dirty)
        for name in names:
            with self._lock:
                content = self._dirty.pop(name)
            try:
                self._write(name, content)
            except Exception as problem:
                with self._lock:
                    self.errors.append((name, problem))
                    if name not in self._dirty:
                        self._dirty[name] = content
                self._something.set()
        with self._idle:
            self._busy = False
            self._idle.notify_all()
