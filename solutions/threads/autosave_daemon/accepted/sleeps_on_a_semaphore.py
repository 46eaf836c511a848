"""The sleep is a semaphore with a time-out; the end of the thread is a future."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors: list[tuple[str, Exception]] = []
        self._save = save
        self._interval = interval
        self._orders = threading.Semaphore(0)
        self._state = threading.Lock()
        self._saved: Future[bool] = Future()
        self._no_save = threading.Event()
        self._no_save.set()
        self._dirty: dict[str, bytes] = {}
        self._is_closed = False
        self._is_paused = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work)
        self._thread.daemon = True
        self._thread.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._state:
            if self._is_closed:
                raise RuntimeError("AutoSaver is closed")
            self._dirty[name] = content

    def pause(self) -> None:
        with self._state:
            self._is_paused = True
        self._no_save.wait()

    def resume(self) -> None:
        with self._state:
            self._is_paused = False

    def close(self, timeout: float = 5.0) -> None:
        with self._state:
            first, self._is_closed = not self._is_closed, True
            if self._thread is None:
                self.start()
        if first:
            self._orders.release()
        self._saved.result(timeout)
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _work(self) -> None:
        threading.current_thread().name = "autosave"
        last = False
        while not last:
            last = self._orders.acquire(timeout=self._interval)
            done: set[str] = set()
            while (item := self._next(done)) is not None:
                name, content = item
                try:
                    self._save(name, content)
                except Exception as error:
                    with self._state:
                        self.errors.append((name, error))
                        self._dirty.setdefault(name, content)
                self._no_save.set()
        self._saved.set_result(True)

    def _next(self, done: set[str]) -> tuple[str, bytes] | None:
        with self._state:
            if self._is_paused and not self._is_closed:
                return None
            for name in reversed(self._dirty):
                if name not in done:
                    done.add(name)
                    self._no_save.clear()
                    return name, self._dirty.pop(name)
        return None
