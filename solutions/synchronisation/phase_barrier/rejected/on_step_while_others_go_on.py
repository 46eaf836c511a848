"""on_step is called after the barrier by the first thread, while the others compute the next step.

caught-by: test_on_step_can_stop_the_simulation (hung), test_on_step_comes_between_two_steps (failed)
says: "waits for a signal" "was begun before on_step"
misconception: M08 waking up means the condition holds
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
    workers = min(workers, rows)
    barrier = threading.Barrier(workers)
    changes = [[0.0] * workers for _ in range(steps)]
    errors: list[BaseException] = []
    last = [steps]

    def work(worker: int) -> None:
        try:
            for step in range(steps):
                if step >= last[0]:
                    return
                old, new = grids[step % 2], grids[(step + 1) % 2]
                for n in range(rows * worker // workers, rows * (worker + 1) // workers):
                    new[n] = kernel(old[max(n - 1, 0)], old[n], old[min(n + 1, rows - 1)])
                    changes[step][worker] = max(changes[step][worker], *(abs(b - a) for a, b in zip(old[n], new[n])), 0.0)
                barrier.wait()
                if worker == 0 and on_step and on_step(step, max(changes[step])):
                    last[0] = step + 1
        except threading.BrokenBarrierError:
            return
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return grids[last[0] % 2]
