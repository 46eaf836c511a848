"""AutoSaver is a Thread itself. Whoever pauses it holds a lock that every save needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class AutoSaver(threading.Thread):
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        super().__init__(name="autosave", daemon=True)
        self.errors: list[tuple[str, Exception]] = []
        self._save = save
        self._interval = interval
        self._guard = threading.Lock()
        self._waiting: dict[str, bytes] = {}
        self._may_save = threading.Lock()
        self._pausing = False
        self._quit = threading.Event()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._guard:
            if self._quit.is_set():
                raise RuntimeError("closed")
            self._waiting[name] = content

    def pause(self) -> None:
        self._may_save.acquire()
        with self._guard:
            if self._quit.is_set():
                self._may_save.release()
            else:
                self._pausing = True

    def resume(self) -> None:
        with self._guard:
            if self._pausing:
                self._pausing = False
                self._may_save.release()

    def close(self, timeout: float = 5.0) -> None:
        with self._guard:
            self._quit.set()
            if self.ident is None:
                self.start()
        self.resume()
        self.join(timeout)
        if self.is_alive():
            raise TimeoutError(f"not yet saved: {list(self._waiting)}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def run(self) -> None:
        while True:
            last = self._quit.wait(self._interval)
            for name in list(self._waiting):
                with self._may_save:
                    content = self._waiting.pop(name)
                    try:
                        self._save(name, content)
                    except Exception as error:
                        with self._guard:
                            self.errors.append((name, error))
                            self._waiting.setdefault(name, content)
            if last:
                break
