"""Every thread calls on_step after the barrier.

caught-by: test_on_step_is_told_the_largest_change (failed)
says: "on_step was told the steps"
misconception: M06 wrong lock for the data
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
        raise ValueError("at least one worker and 0 steps")
    rows = len(grid)
    grids = [[list(row) for row in grid], [list(row) for row in grid]]
    barrier = threading.Barrier(min(workers, rows))
    errors: list[BaseException] = []
    done = [0]

    def work(band: range) -> None:
        try:
            for step in range(steps):
                old, new = grids[step % 2], grids[(step + 1) % 2]
                for n in band:
                    new[n] = kernel(old[max(n - 1, 0)], old[n], old[min(n + 1, rows - 1)])
                barrier.wait()
                stop = on_step and on_step(step, max(abs(b - a) for x, y in zip(old, new) for a, b in zip(x, y)))
                done[0] = step + 1
                barrier.wait()
                if stop:
                    return
        except threading.BrokenBarrierError:
            return
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    workers = min(workers, rows)
    threads = [
        threading.Thread(target=work, args=(range(rows * n // workers, rows * (n + 1) // workers),)) for n in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return grids[done[0] % 2]
