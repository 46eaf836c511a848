"""Threads run through all steps and never meet; the last to finish a step calls on_step.

caught-by: test_the_result_is_that_of_one_thread (failed), test_every_row_is_computed_from_one_step (failed)
says: "the result differs in row" "its neighbour above after"
misconception: M03 the GIL makes my code atomic
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
    states = [[list(row) for row in grid]] + [[list(row) for row in grid] for _ in range(steps)]
    rows = len(grid)
    workers = min(workers, rows)
    left = [workers] * steps
    lock = threading.Lock()
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for step in range(steps):
                old, new = states[step], states[step + 1]
                for n in range(rows * worker // workers, rows * (worker + 1) // workers):
                    new[n] = kernel(old[max(n - 1, 0)], old[n], old[min(n + 1, rows - 1)])
                with lock:
                    left[step] -= 1
                    last = left[step] == 0
                if last and on_step:
                    on_step(step, max(abs(b - a) for x, y in zip(old, new) for a, b in zip(x, y)))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return states[-1]
