"""A plain loop; workers is ignored.

caught-by: test_all_workers_compute_at_the_same_time (failed)
says: "1 kernel call was inside at the same time"
misconception: M01 starting is running at the same time
"""
from __future__ import annotations

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
    state = [list(row) for row in grid]
    last = len(state) - 1
    for step in range(steps):
        new = [kernel(state[max(n - 1, 0)], state[n], state[min(n + 1, last)]) for n in range(len(state))]
        change = max(abs(b - a) for x, y in zip(state, new) for a, b in zip(x, y))
        state = new
        if on_step and on_step(step, change):
            break
    return state
