"""One machine-wide lock: timing checks have the machine to themselves, everything else runs side by side."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

PLACE = "GRADER_LOCKS"  # names the folder where the lock lies, for processes with a TMPDIR of their own

try:
    import fcntl
except ImportError:  # Windows: no shared file locks; timing checks there are only serial within one command
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def machine(alone: bool) -> Iterator[None]:
    """Hold the machine: `alone` waits until nobody else of ours works, and keeps newcomers out meanwhile."""
    if fcntl is None:
        yield
        return
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(os.environ.get(PLACE) or tempfile.gettempdir()) / f"grader-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / "turnstile", "w") as turnstile, open(folder / "machine", "w") as room:
        # Everybody passes the turnstile; who wants to be alone stays in it, so that no stream of others can overtake.
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        if not alone:
            fcntl.flock(room, fcntl.LOCK_SH)
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        else:
            fcntl.flock(room, fcntl.LOCK_EX)
        yield
