"""A worker that fails sets a flag; those who wait at the barrier already never see it.

caught-by: test_a_kernel_that_fails_ends_all_threads (hung)
says: "have ended"
misconception: M09 a signal waits for me
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

Row = list[float]


def simulate(
    grid: Sequence[Sequence[float]],
    steps: int,
    *,
    workers: int,
    kernel: Callable[[Row, Row, Row], Row],
    on_step: Callable[[int, float], bool | None] | None = None,
) -> list[list[float]]:
    if workers < 1 or steps < 0:
        raise ValueError("workers or steps")
    state = {"old": [list(row) for row in grid], "new": []}
    rows = len(state["old"])
    n = min(workers, rows)
    state["new"] = [[] for _ in range(rows)]
    failed = threading.Event()
    stopped = threading.Event()
    errors: list[BaseException] = []
    meeting = threading.Barrier(n)

    def work(number: int) -> None:
        mine = range(number, rows, n)
        for step in range(steps):
            try:
                old = state["old"]
                for i in mine:
                    state["new"][i] = list(kernel(old[max(i - 1, 0)], old[i], old[min(i + 1, rows - 1)]))
            except BaseException as exc:
                errors.append(exc)
                failed.set()
            if failed.is_set():
                return
            meeting.wait()
            if number == 0:
                try:
                    new = state["new"]
                    if on_step is not None:
                        change = max((abs(b - a) for r, s in zip(old, new) for a, b in zip(r, s)), default=0.0)
                        if on_step(step, change):
                            stopped.set()
                    state["old"], state["new"] = new, [[] for _ in range(rows)]
                except BaseException as exc:
                    errors.append(exc)
                    failed.set()
            meeting.wait()
            if stopped.is_set() or failed.is_set():
                return

    threads = [threading.Thread(target=work, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return state["old"]
