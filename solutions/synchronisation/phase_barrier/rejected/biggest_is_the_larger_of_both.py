"""Every worker does `biggest = max(biggest, mine)`: two at once, and one of them is lost.

caught-by: test_no_change_is_forgotten (failed)
says: "on_step was told"
misconception: M03 the GIL makes my code atomic
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

Row = list[float]


class _Shared:
    def __init__(self, rows: list[Row]) -> None:
        self.old = rows
        self.new: list[Row] = [[] for _ in rows]
        self.biggest = 0.0
        self.step = 0
        self.stop = False
        self.error: BaseException | None = None


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
    shared = _Shared([list(row) for row in grid])
    if steps == 0:
        return shared.old
    rows = len(shared.old)
    n = min(workers, rows)

    def end_of_step() -> None:
        try:
            if on_step is not None and on_step(shared.step, shared.biggest):
                shared.stop = True
        except BaseException as exc:
            shared.error = exc
            shared.stop = True
        shared.old, shared.new = shared.new, [[] for _ in range(rows)]
        shared.biggest = 0.0
        shared.step += 1
        if shared.step == steps:
            shared.stop = True

    barrier = threading.Barrier(n, action=end_of_step)

    def work(number: int) -> None:
        first, last = rows * number // n, rows * (number + 1) // n
        while not shared.stop:
            try:
                for i in range(first, last):
                    row = list(kernel(shared.old[max(i - 1, 0)], shared.old[i], shared.old[min(i + 1, rows - 1)]))
                    shared.new[i] = row
                    change = max((abs(b - a) for a, b in zip(shared.old[i], row)), default=0.0)
                    shared.biggest = max(shared.biggest, change)
            except BaseException as exc:
                shared.error = exc
                barrier.abort()
                return
            try:
                barrier.wait()
            except threading.BrokenBarrierError:
                return

    threads = [threading.Thread(target=work, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if shared.error is not None:
        raise shared.error
    return shared.old
