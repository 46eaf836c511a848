"""Autosave: the stub. README.md tells the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self


class AutoSaver:
    """Saves changed documents every `interval` seconds in a thread of its own."""

    errors: list[tuple[str, Exception]]  # names whose save failed, and what it raised, in order

    def __init__(self, save: Callable[[str, bytes], None], *, interval: float = 30.0) -> None:
        # TODO: keep what is dirty, what failed, and whatever the threads wait with.
        raise NotImplementedError

    def start(self) -> None:
        """Start the thread "autosave", a daemon."""
        raise NotImplementedError

    def mark_dirty(self, name: str, content: bytes) -> None:
        """This is the latest content of the document; a tick will save it. Raises RuntimeError after close()."""
        raise NotImplementedError

    def pause(self) -> None:
        """Return when no save is running; none begins until resume() or close()."""
        raise NotImplementedError

    def resume(self) -> None:
        """Ticks save again."""
        raise NotImplementedError

    def close(self, timeout: float = 5.0) -> None:
        """Save what is dirty once more, and end the thread. Raises TimeoutError if that takes longer."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Start."""
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        """Close."""
        raise NotImplementedError
