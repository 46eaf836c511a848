"""Effective cores: how much of a second core does this machine give right now?

A fixed spin alone against the same spin in W processes at once: E = W * alone / together. W = min(8, usable CPUs).
"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

MOST_WORKERS = 8
SPIN = 400_000  # loop rounds, about 20 ms each on a core of 2024
SPINNER = """
import sys
for _ in sys.stdin:
    n = 0
    for i in range({spin}):
        n += i
    sys.stdout.write("x\\n")
    sys.stdout.flush()
"""


def usable_cores() -> int:
    """CPUs this process may use: its affinity mask, and the cgroup's quota rounded up. At least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, math.ceil(quota()) if quota() else cores))


def quota() -> float:
    """The cgroup v2 CPU quota in cores, 0.0 when there is none."""
    with contextlib.suppress(OSError, ValueError):
        most, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return 0.0 if most == "max" else int(most) / int(period)
    return 0.0


class Spinners:
    """W waiting processes that spin on demand. Use as a context manager."""

    def __init__(self, workers: int | None = None, spin: int = SPIN) -> None:
        self.workers = workers or min(MOST_WORKERS, usable_cores())
        self._spin = spin
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Spinners:
        code = SPINNER.format(spin=self._spin)
        for _ in range(self.workers):
            process = subprocess.Popen(
                [sys.executable, "-S", "-E", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            self._processes.append(process)
        self._together(self._processes)  # wait until all have started
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def effective_cores(self) -> float:
        """E, between 0 and about W."""
        alone = min(self._together(self._processes[:1]), self._together(self._processes[-1:]))
        return self.workers * alone / self._together(self._processes)

    @staticmethod
    def _together(processes: list[subprocess.Popen[bytes]]) -> float:
        began = time.perf_counter()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        return time.perf_counter() - began
