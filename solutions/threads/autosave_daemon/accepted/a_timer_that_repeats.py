"""A Timer that ticks again and again, in a dataclass. mark_dirty notes first and looks afterwards whether it came too late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


class Ticker(threading.Timer):
    def run(self) -> None:
        while not self.finished.wait(self.interval):
            self.function()


@dataclass(eq=False)
class AutoSaver:
    save: Callable[[str, bytes], None]
    interval: float = field(default=30.0, kw_only=True)
    errors: list[tuple[str, Exception]] = field(default_factory=list, init=False)
    _dirty: dict[str, bytes] = field(default_factory=dict, init=False)
    _saving: threading.RLock = field(default_factory=threading.RLock, init=False)
    _over: bool = field(default=False, init=False)
    _may_save: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self._ticker = Ticker(self.interval, self._tick)
        self._ticker.name, self._ticker.daemon = "autosave", True
        self._last = threading.Thread(target=self._finish, daemon=True)
        self._once = threading.Lock()

    def start(self) -> None:
        self._ticker.start()

    def mark_dirty(self, name: str, content: bytes) -> None:
        self._dirty[name] = content
        if self._over:
            raise RuntimeError("too late")

    def pause(self) -> None:
        self._may_save = False
        with self._saving:
            return

    def resume(self) -> None:
        self._may_save = True

    def close(self, timeout: float = 5.0) -> None:
        self._over = True
        self._ticker.cancel()
        with self._once:
            if self._last.ident is None:
                self._last.start()
        self._last.join(timeout)
        if self._last.is_alive():
            raise TimeoutError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _finish(self) -> None:
        if self._ticker.ident is not None:
            self._ticker.join()
        self._may_save = True
        self._tick()

    def _tick(self) -> None:
        with self._saving:
            for name in [*self._dirty]:
                if not self._may_save:
                    return
                content = self._dirty.pop(name)
                try:
                    self.save(name, content)
                except Exception as error:
                    self.errors.append((name, error))
                    self._dirty.setdefault(name, content)
