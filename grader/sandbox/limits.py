"""What a submission may use. The kernel keeps the limits of one process, the watch those of the whole tree."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from grader.sandbox.processes import fair_memory
from grader.timeline import Use

MB = 1 << 20
MEMORY = 2048 * MB  # of all processes together; what they share counts once
DISK = 1024 * MB  # in the check's private folder
FILES = 20_000  # in the check's private folder
FILE = 256 * MB
DESCRIPTORS = 512
TASKS = 4096  # processes and threads together; only where the submission has a user of its own
SHARED_MEMORY = 512 * MB  # /dev/shm, in the cage
TEMPORARY = 256 * MB  # /tmp, in the cage
PERIOD = 0.1  # seconds between two looks
SHARE = 0.05  # of one core that the looks may take, as long as that leaves
LONGEST = 1.0  # seconds between two looks


def most_processes() -> int:
    """Pools have one worker a core by default, sometimes two of them at once."""
    return 64 + 2 * (os.cpu_count() or 1)


def of_one_process(seconds: float, own_user: bool) -> dict[str, int]:
    """`RLIMIT_*` (without the prefix) for a check with this deadline."""
    limits = {
        "CORE": 0,
        "NOFILE": DESCRIPTORS,
        "FSIZE": FILE,
        "AS": 16384 * MB,  # addresses, not memory: a thousand threads reserve 8 GB
        "CPU": int(seconds * max(4, os.cpu_count() or 1)) + 5,
    }
    # The kernel counts all processes of a user; with a shared user, other programs would use up the submission's.
    return {**limits, "NPROC": TASKS} if own_user else limits


class Watch:
    """Looks at a process tree from outside and ends it when it goes over a limit; `reached` then says which."""

    def __init__(self, uses: Callable[[], dict[int, Use]], folder: Path, end: Callable[[], None]) -> None:
        self._uses, self._folder, self._end = uses, folder, end
        self._closed = threading.Event()
        self.reached: tuple[str, str] | None = None  # what happened, and an idea
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        pause = PERIOD
        while not self._closed.wait(pause):
            began = time.perf_counter()
            with contextlib.suppress(OSError, psutil.Error):  # what changes while it is looked at: look again
                self.reached = self._look()
            if self.reached is not None:
                self._end()
                return
            pause = min(max(PERIOD, (time.perf_counter() - began) / SHARE), LONGEST)

    def _look(self) -> tuple[str, str] | None:
        memory = {pid: use.resident for pid, use in self._uses().items()}
        if len(memory) > most_processes():
            return (
                f"{len(memory)} processes were alive at once; {most_processes()} are allowed, so all were ended.",
                "A pool with a few workers does the same work; who waits for the processes to end?",
            )
        used = sum(memory.values())
        if used > MEMORY:  # counts shared pages several times, but is cheap
            used = fair_memory(list(memory))
        if used > MEMORY:
            return (
                f"its processes used {used // MB:,} MB of memory; {MEMORY // MB:,} MB are allowed, so they were ended.",
                "What is held in memory at once that could be handled piece by piece?",
            )
        return self._disk()

    def _disk(self) -> tuple[str, str] | None:
        used = files = 0
        folders = [str(self._folder)]  # no recursion: they may be nested deeper than Python's stack
        while folders:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    files += 1
                    with contextlib.suppress(OSError):  # it may be gone by now
                        used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if files > FILES or used > DISK:
                        return (
                            f"it wrote {files:,} files of {used // MB:,} MB; {FILES:,} files and {DISK // MB:,} MB are "
                            "allowed, so its processes were ended.",
                            "What is written that nobody reads?",
                        )
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        return None


def idea(kind: str, message: str) -> str | None:
    """Advice when an exception of this class and text shows that a limit of the kernel was hit."""
    ideas = {
        f"[Errno {errno.EMFILE}]": f"At most {DESCRIPTORS} files and sockets may be open at once; who closes them?",
        f"[Errno {errno.EFBIG}]": f"One file or segment of shared memory may have at most {FILE // MB} MB.",
        f"[Errno {errno.ENOSPC}]": "A file system is full; in the cage, "
        f"/dev/shm holds at most {SHARED_MEMORY // MB} MB and /tmp {TEMPORARY // MB} MB.",
        "can't start new thread": f"At most {TASKS:,} threads and processes may live at once; who ends them?",
    }
    if kind == "MemoryError":
        return f"All processes together may use {MEMORY // MB:,} MB; what could be handled piece by piece?"
    return next((text for mark, text in ideas.items() if mark in message), None)
