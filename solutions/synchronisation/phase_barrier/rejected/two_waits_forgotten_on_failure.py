"""on_step fails: the exception is kept, and the others are left at the barrier.

caught-by: test_an_on_step_that_fails_ends_all_threads (hung)
says: "2 of 3 have come"
misconception: M14 errors in the background will be seen
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
    if steps < 0 or workers < 1:
        raise ValueError("steps must be at least 0 and workers at least 1")
    rows = len(grid)
    grids = [[list(row) for row in grid], [[] for _ in grid]]
    barrier = threading.Barrier(workers)
    changes = [0.0] * workers
    failed: list[BaseException] = []
    stopped = False

    def compute(worker: int, step: int) -> None:
        old, new = grids[step % 2], grids[(step + 1) % 2]
        changes[worker] = 0.0
        for n in range(worker, rows, workers):  # every worker-th row, not a band
            new[n] = kernel(old[max(0, n - 1)], old[n], old[min(rows - 1, n + 1)])
            changes[worker] = max(changes[worker], *(abs(a - b) for a, b in zip(old[n], new[n])), 0.0)

    def work(worker: int) -> int:
        """Steps that were done."""
        nonlocal stopped
        for step in range(steps):
            try:
                compute(worker, step)
                barrier.wait()
                if worker == 0:
                    try:
                        stopped = bool(on_step and on_step(step, max(changes)))
                    except BaseException as error:
                        failed.append(error)
                        return step
                barrier.wait()
            except threading.BrokenBarrierError:
                break
            except BaseException as error:
                failed.append(error)
                barrier.abort()
                break
            if stopped:
                return step + 1
        return steps

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(1, workers)]
    for thread in threads:
        thread.start()
    done = work(0)
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return grids[done % 2]
