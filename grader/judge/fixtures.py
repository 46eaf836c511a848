"""Collaborators of checks that need no server: the rendezvous."""

from __future__ import annotations

import threading
import time
from typing import Any


class Rendezvous:
    """`enter` is passed to the submission: it holds its callers until `k` are inside at once, or `seconds` pass."""

    def __init__(self, k: int, seconds: float = 2.0) -> None:
        self._k, self._seconds = k, seconds
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False
        self.met = False
        self.most = 0

    def enter(self, *_: Any) -> None:
        with self._changed:
            self._inside += 1
            self.most = max(self.most, self._inside)
            if self._inside >= self._k:
                self.met = True
                self._changed.notify_all()
            end = time.monotonic() + self._seconds
            while not (self.met or self._closed) and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            # One wait in vain is proof enough; the callers still to come pass at once.
            self._closed = True
            self._changed.notify_all()
            self._inside -= 1


class Rendezvouses:
    """The fixture `rendezvous`: `rendezvous(k)` makes one."""

    def __call__(self, k: int, seconds: float = 2.0) -> Rendezvous:
        return Rendezvous(k, seconds)
