"""Every thread counts itself and sleeps a little until all have come.

caught-by: test_who_waits_takes_no_steps (failed)
says: "in 0.1 s they took"
misconception: M10 sleeping is synchronising
"""
from __future__ import annotations

import threading
import time
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
    workers = min(workers, rows)
    states = [[list(row) for row in grid]]
    new: dict[int, Row] = {}
    lock = threading.Lock()
    errors: list[BaseException] = []
    over = steps == 0

    def work(worker: int) -> None:
        nonlocal over, new
        for step in range(steps):
            if over:
                return
            try:
                old = states[step]
                for n in range(rows * worker // workers, rows * (worker + 1) // workers):
                    row = kernel(old[max(n - 1, 0)], old[n], old[min(n + 1, rows - 1)])
                    with lock:
                        new[n] = row
                        last = len(new) == rows
                if last:
                    state = [new[n] for n in range(rows)]
                    new = {}
                    change = max(abs(b - a) for x, y in zip(old, state) for a, b in zip(x, y))
                    over = bool(on_step and on_step(step, change))
                    states.append(state)
            except BaseException as error:
                errors.append(error)
                over = True
            while len(states) == step + 1 and not over:
                time.sleep(0.001)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return states[-1]
