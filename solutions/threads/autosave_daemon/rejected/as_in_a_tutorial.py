"""A sleeping daemon without any lock; documents can be marked only after start().

caught-by: test_a_tick_saves_the_latest_content (failed)
says: "RuntimeError: not running"
misconception: M03 the GIL makes my code atomic
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class AutoSaver:
    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        self.save = save
        self.interval = interval
        self.errors = []
        self.dirty = {}
        self.paused = False
        self.running = False

    def start(self):
        self.running = True
        threading.Thread(target=self.loop, name="autosave", daemon=True).start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        if not self.running:
            raise RuntimeError("not running")
        self.dirty[name] = content

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    def close(self, timeout: float = 5.0) -> None:
        self.running = False
        self.save_all()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.close()

    def loop(self):
        while self.running:
            time.sleep(self.interval)
            if not self.paused:
                self.save_all()

    def save_all(self):
        for name, content in list(self.dirty.items()):
            try:
                self.save(name, content)
                del self.dirty[name]
            except Exception as e:
                self.errors.append((name, e))
