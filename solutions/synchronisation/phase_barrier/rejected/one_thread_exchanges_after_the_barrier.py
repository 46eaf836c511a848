"""The first thread exchanges the grids after the barrier, while the others go on.

caught-by: test_the_result_is_that_of_one_thread (failed), test_every_row_is_computed_from_one_step (failed)
says: "the result differs in row" "steps"
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
    return _Simulation(grid, steps, kernel, on_step).run(min(workers, len(grid)))


class _Simulation:
    def __init__(
        self,
        grid: Sequence[Sequence[float]],
        steps: int,
        kernel: Callable[[Row, Row, Row], Row],
        on_step: Callable[[int, float], bool | None] | None,
    ) -> None:
        self._old = [list(row) for row in grid]
        self._new = list(self._old)
        self._kernel, self._on_step = kernel, on_step
        self._step, self._steps = 0, steps
        self._stopped = steps == 0
        self._error: BaseException | None = None

    def run(self, workers: int) -> list[list[float]]:
        self._barrier = threading.Barrier(workers, action=self._finish_step)
        rows = len(self._old)
        bands = [range(rows * n // workers, rows * (n + 1) // workers) for n in range(workers)]
        threads = [threading.Thread(target=self._work, args=(band,)) for band in bands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error is not None:
            raise self._error
        return self._old

    def _work(self, band: range) -> None:
        # All threads see the same value here: it changes only inside the barrier's action, while all of them wait.
        while not self._stopped:
            try:
                for n in band:
                    self._new[n] = self._compute(n)
            except BaseException as error:  # whatever ends this thread, the others must not wait for it
                self._error = error
                self._barrier.abort()
                return
            try:
                self._barrier.wait()
            except threading.BrokenBarrierError:
                return
            if band.start == 0:
                self._old, self._new = self._new, self._old

    def _compute(self, n: int) -> Row:
        old = self._old
        return self._kernel(old[max(n - 1, 0)], old[n], old[min(n + 1, len(old) - 1)])

    def _finish_step(self) -> None:
        change = max(
            (abs(b - a) for old, new in zip(self._old, self._new, strict=True) for a, b in zip(old, new, strict=True)),
            default=0.0,
        )
        try:
            stop = self._on_step is not None and self._on_step(self._step, change)
        except BaseException as error:  # out of an action it would reach one thread only, and break the barrier for the others
            self._error, stop = error, True
        self._step += 1
        self._stopped = bool(stop) or self._step == self._steps
