"""A block that raises does not close the saver.

caught-by: test_a_with_block_starts_and_closes (failed)
says: "when the with block raised LookupError; saved were v1"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self._save, self._interval = save, interval
        self._changed = threading.Condition()
        self._dirty: dict[str, bytes] = {}
        self._saving = self._paused = self._closed = False
        self.errors: list[tuple[str, Exception]] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("this saver is closed")
            self._dirty[name] = content

    def pause(self) -> None:
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: not self._saving)

    def resume(self) -> None:
        with self._changed:
            self._paused = False

    def close(self, timeout: float = 5.0) -> None:
        with self._changed:
            self._closed = True
            if self._thread.ident is None:
                self._thread.start()
        self._closing.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"still saving after {timeout} s")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            self.close()

    def _run(self) -> None:
        while not self._closing.wait(self._interval):
            self._tick()
        self._tick()

    def _tick(self) -> None:
        with self._changed:
            if self._paused and not self._closed:
                return
            batch, self._dirty = self._dirty, {}
            self._saving = True
        for name, content in batch.items():
            try:
                self._save(name, content)
            except Exception as error:
                with self._changed:
                    self.errors.append((name, error))
                    self._dirty.setdefault(name, content)
        with self._changed:
            self._saving = False
            self._changed.notify_all()
