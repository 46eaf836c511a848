"""Nothing is swapped: every document knows its version and the one that was saved, and is dirty while the two differ.

One condition for all; the thread waits on it until a moment in time, so that pause, resume and close can all wake it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self


@dataclass
class Document:
    content: bytes = b""
    version: int = 0
    saved: int = 0
    tried_in: int = 0  # the number of the tick that tried to save it last


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.errors: list[tuple[str, Exception]] = []
        self._save, self._interval = save, interval
        self._cond = threading.Condition()
        self._documents: dict[str, Document] = {}
        self._mode = "working"  # or "paused" or "closed"
        self._now_saving: str | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.name = "autosave"
        self._thread.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._cond:
            if self._mode == "closed":
                raise RuntimeError("the saver is closed")
            document = self._documents.setdefault(name, Document())
            document.content = content
            document.version += 1

    def pause(self) -> None:
        with self._cond:
            if self._mode != "closed":
                self._mode = "paused"
            while self._now_saving is not None:
                self._cond.wait()

    def resume(self) -> None:
        with self._cond:
            if self._mode == "paused":
                self._mode = "working"

    def close(self, timeout: float = 5.0) -> None:
        until = time.monotonic() + timeout
        with self._cond:
            self._mode = "closed"
            self._cond.notify_all()
            if self._thread is None:
                self.start()
            if not self._cond.wait_for(lambda: self._ended, timeout):
                raise TimeoutError("documents are still being saved")
        assert self._thread is not None
        self._thread.join(max(0.0, until - time.monotonic()) + 1)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(self) -> None:
        tick = 0
        with self._cond:
            while self._mode != "closed":
                tick += 1
                self._cond.wait_for(lambda: self._mode == "closed", self._interval)
                if self._mode == "working":
                    self._save_dirty(tick)
            self._save_dirty(tick + 1)
            self._ended = True
            self._cond.notify_all()

    def _save_dirty(self, tick: int) -> None:
        """Called with the lock held, which is let go for each save."""
        mode = self._mode
        while self._mode == mode:
            todo = [n for n, d in self._documents.items() if d.version > d.saved and d.tried_in < tick]
            if not todo:
                return
            name = todo[0]
            document = self._documents[name]
            document.tried_in = tick
            self._now_saving, version, content = name, document.version, document.content
            error = None
            self._cond.release()
            try:
                self._save(name, content)
            except Exception as e:
                error = e
            finally:
                self._cond.acquire()
            self._now_saving = None
            if error is None:
                document.saved = version
            else:
                self.errors.append((name, error))
            self._cond.notify_all()
