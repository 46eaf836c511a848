"""The thread only keeps the time; the saves run in an executor with one worker, and close() and pause() wait for futures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors: list[tuple[str, Exception]] = []
        self._save = save
        self._interval = interval
        self._lock = threading.RLock()
        self._dirty: dict[str, bytes] = {}
        self._paused = self._closed = False
        self._closing = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._running: Future[None] | None = None
        self._last: Future[None] | None = None
        self._clock: threading.Thread | None = None

    def start(self) -> None:
        self._clock = threading.Thread(target=self._tick_for_ever, name="autosave", daemon=True)
        self._clock.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("mark_dirty after close")
            self._dirty[name] = content

    def pause(self) -> None:
        with self._lock:
            self._paused = True
            running = self._running
        if running is not None:
            wait([running])

    def resume(self) -> None:
        with self._lock:
            self._paused = False

    def close(self, timeout: float = 5.0) -> None:
        with self._lock:
            self._closed = True
            if self._last is None:
                # The executor has one worker: this comes after whatever it is doing now.
                self._last = self._executor.submit(self._save_all)
                self._executor.shutdown(wait=False)
            self._closing.set()
        self._last.result(timeout)
        if self._clock is not None:
            self._clock.join()
        self._executor.shutdown()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _tick_for_ever(self) -> None:
        while not self._closing.wait(self._interval):
            with self._lock:
                if self._closed or self._paused:
                    continue
                self._running = self._executor.submit(self._save_all)
            wait([self._running])

    def _save_all(self) -> None:
        with self._lock:
            batch = dict(self._dirty)
            self._dirty.clear()
        for name in sorted(batch):
            try:
                self._save(name, batch[name])
            except Exception as error:
                with self._lock:
                    self.errors.append((name, error))
                    self._dirty.setdefault(name, batch[name])
