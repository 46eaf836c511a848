"""Every row is submitted and waited for before the next one is.

caught-by: test_all_workers_compute_at_the_same_time (failed)
says: "1 kernel call was inside"
misconception: M01 starting is running at the same time
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Row = list[float]


def simulate(
    grid: Sequence[Sequence[float]],
    steps: int,
    *,
    workers: int,
    kernel: Callable[[Row, Row, Row], Row],
    on_step: Callable[[int, float], bool | None] | None = None,
) -> list[list[float]]:
    if workers < 1:
        raise ValueError("workers must be at least 1")
    if steps < 0:
        raise ValueError("steps must not be negative")
    state = [list(row) for row in grid]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for step in range(steps):
            above, below = [state[0], *state[:-1]], [*state[1:], state[-1]]
            new = [pool.submit(kernel, *rows).result() for rows in zip(above, state, below)]
            change = max(abs(a - b) for row, old in zip(new, state) for a, b in zip(row, old))
            state = new
            if on_step is not None and on_step(step, change):
                break
    return state
