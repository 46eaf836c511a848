"""No thread that sleeps: a Timer for each tick, which sets up the next one. The last tick has a Timer of its own, of no time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors: list[tuple[str, Exception]] = []
        self._save = save
        self._interval = interval
        self._state = threading.Lock()
        self._dirty: dict[str, bytes] = {}
        self._closed = False
        self._paused = False
        self._timer: threading.Timer | None = None
        self._last: threading.Timer | None = None
        self._one_tick = threading.Lock()  # held by a tick while it saves

    def _set_timer(self, seconds: float, function: Callable[[], None]) -> threading.Timer:
        timer = threading.Timer(seconds, function)
        timer.name = "autosave"
        timer.daemon = True
        timer.start()
        return timer

    def start(self) -> None:
        with self._state:
            if not self._closed:
                self._timer = self._set_timer(self._interval, self._tick)

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._state:
            if self._closed:
                raise RuntimeError("closed")
            self._dirty[name] = content

    def pause(self) -> None:
        with self._state:
            self._paused = True
        with self._one_tick:
            pass

    def resume(self) -> None:
        with self._state:
            self._paused = False

    def close(self, timeout: float = 5.0) -> None:
        with self._state:
            self._closed = True
            if self._last is None:
                if self._timer is not None:
                    self._timer.cancel()
                self._last = self._set_timer(0, self._finish)
        self._last.join(timeout)
        if self._last.is_alive():
            raise TimeoutError("still saving")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _tick(self) -> None:
        self._save_all()
        with self._state:
            if not self._closed:
                self._timer = self._set_timer(self._interval, self._tick)

    def _finish(self) -> None:
        timer = self._timer
        if timer is not None:
            timer.join()
        self._save_all()

    def _save_all(self) -> None:
        with self._one_tick:
            with self._state:
                if self._paused and not self._closed:
                    return
                batch = list(self._dirty.items())
                self._dirty.clear()
            for name, content in batch:
                try:
                    self._save(name, content)
                except Exception as error:
                    with self._state:
                        self.errors.append((name, error))
                        if name not in self._dirty:
                            self._dirty[name] = content
