"""Every step starts its threads and joins them: correct, and as many threads as steps times workers.

caught-by: test_threads_are_started_once (failed)
says: "threads called the kernel in all"
misconception: M19 parallel pays always
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
    state = [list(row) for row in grid]
    rows = len(state)
    workers = min(workers, rows)
    for step in range(steps):
        new: list[Row] = [[] for _ in state]
        errors: list[BaseException] = []

        def work(band: range, old: list[Row], new: list[Row], errors: list[BaseException]) -> None:
            try:
                for n in band:
                    new[n] = kernel(old[max(n - 1, 0)], old[n], old[min(n + 1, rows - 1)])
            except BaseException as error:
                errors.append(error)

        bands = [range(rows * n // workers, rows * (n + 1) // workers) for n in range(workers)]
        threads = [threading.Thread(target=work, args=(band, state, new, errors)) for band in bands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        change = max(abs(b - a) for x, y in zip(state, new) for a, b in zip(x, y))
        state = new
        if on_step and on_step(step, change):
            break
    return state
