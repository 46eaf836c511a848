"""Ctrl-C and SIGTERM end a command at any moment with one clear line, and everything that it started with it."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(BaseException):
    """A signal asked this command to end. No `Exception`: nobody on the way may take it for a fault."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def install() -> None:
    """From now on such a signal raises Stopped in the main thread, once. What the caller ignores stays ignored."""
    for number in _numbers():
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def ignore() -> None:
    """From now on nothing interrupts: the command cleans up, or is over."""
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)


def tell(stopped: Stopped) -> int:
    """Say it, and return the exit code that shells know: 128 and the signal's number."""
    ignore()
    name = "Ctrl-C" if stopped.number == signal.SIGINT else signal.Signals(stopped.number).name
    sys.stderr.write(
        f"grader: stopped by {name} before the end. A report that was written is whole; run the command again for the rest (`grader regrade` with --resume).\n"
    )
    return 128 + stopped.number


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    ignore()  # the clean-up is short, and a second Ctrl-C would only leave a mess
    raise Stopped(number)
