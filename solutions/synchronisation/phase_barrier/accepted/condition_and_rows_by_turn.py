"""No bands: whoever is free takes the next row of the step. The last one to finish a row does what lies between two steps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Row = list[float]


@dataclass
class Work:
    states: list[list[Row]]
    steps: int
    kernel: Callable[[Row, Row, Row], Row]
    on_step: Callable[[int, float], bool | None] | None
    changed: threading.Condition = field(default_factory=threading.Condition)
    new: dict[int, Row] = field(default_factory=dict)
    next_row: int = 0
    over: bool = False
    errors: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        try:
            while (row := self.take()) is not None:
                old = self.states[-1]
                value = self.kernel(old[max(row - 1, 0)], old[row], old[min(row + 1, len(old) - 1)])
                if self.put(row, value):
                    self.finish_step()
        except BaseException as error:
            with self.changed:
                self.errors.append(error)
                self.over = True
                self.changed.notify_all()

    def take(self) -> int | None:
        """The number of a row; waits while all rows of this step are given away. None: it is all over."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or self.next_row < len(self.states[-1]))
            if self.over:
                return None
            self.next_row += 1
            return self.next_row - 1

    def put(self, row: int, value: Row) -> bool:
        """Was this the last row of the step?"""
        with self.changed:
            self.new[row] = value
            return len(self.new) == len(self.states[-1])

    def finish_step(self) -> None:
        # Nobody else runs now: all rows are given away and finished.
        old = self.states[-1]
        new = [self.new[n] for n in range(len(old))]
        change = max(max(abs(x - y) for x, y in zip(a, b)) for a, b in zip(old, new))
        step = len(self.states) - 1
        stop = self.on_step(step, change) if self.on_step else False
        with self.changed:
            self.states.append(new)
            self.new = {}
            self.next_row = 0
            self.over = self.over or bool(stop) or step + 1 == self.steps
            self.changed.notify_all()


def simulate(
    grid: Sequence[Sequence[float]],
    steps: int,
    *,
    workers: int,
    kernel: Callable[[Row, Row, Row], Row],
    on_step: Callable[[int, float], bool | None] | None = None,
) -> list[list[float]]:
    if workers < 1 or steps < 0:
        raise ValueError((workers, steps))
    work = Work([[list(row) for row in grid]], steps, kernel, on_step)
    if steps:
        threads = [threading.Thread(target=work.run) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if work.errors:
        raise work.errors[0]
    return work.states[-1]
