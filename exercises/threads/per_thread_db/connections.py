"""Given: a connection to a SQLite file, for the thread that made it. Read it, use it, leave it as it is."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class WrongThread(Exception):
    """A connection was used by a thread that did not make it."""


class Connection:
    """Belongs to the thread that makes it. Only `close` may be called by others."""

    def __init__(self, path: str | Path) -> None:
        self._owner = threading.current_thread()
        # The owner is looked after here; sqlite3's own check would forbid others to close it, too.
        self._sqlite = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; its rows. Raises WrongThread in any thread but the owner."""
        if threading.current_thread() is not self._owner:
            raise WrongThread(f"{threading.current_thread().name} used the connection of {self._owner.name}")
        return self._sqlite.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """End the connection, from any thread. Closing it again does nothing."""
        self._sqlite.close()
