"""A team object with one Condition and a generation number; the calling thread is one of the workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Row = list[float]


@dataclass
class _Team:
    rows: list[Row]
    steps: int
    size: int
    kernel: Callable[[Row, Row, Row], Row]
    on_step: Callable[[int, float], bool | None] | None
    cond: threading.Condition = field(default_factory=threading.Condition)
    generation: int = 0
    arrived: int = 0
    over: bool = False
    error: BaseException | None = None
    fresh: list[Row | None] = field(default_factory=list)

    def fail(self, exc: BaseException) -> None:
        with self.cond:
            if self.error is None:
                self.error = exc
            self.over = True
            self.cond.notify_all()

    def meet(self) -> bool:
        """Wait for the others; the last one finishes the step. True: go on."""
        with self.cond:
            if self.over:
                return False
            self.arrived += 1
            mine = self.generation
            if self.arrived < self.size:
                while self.generation == mine and not self.over:
                    self.cond.wait()
                return not self.over
            before, after = self.rows, self.fresh
        # The last one. All the others sleep; the lock is free while on_step works.
        stop = False
        if self.on_step is not None:
            change = max((abs(b - a) for r, s in zip(before, after) for a, b in zip(r, s)), default=0.0)
            stop = bool(self.on_step(mine, change))
        with self.cond:
            if self.over:  # the caller was interrupted meanwhile
                return False
            self.rows, self.fresh = after, [None] * len(after)
            self.arrived = 0
            self.generation += 1
            self.over = stop or self.generation == self.steps
            self.cond.notify_all()
            return not self.over

    def run(self, number: int) -> None:
        try:
            count = len(self.rows)
            mine = range(count * number // self.size, count * (number + 1) // self.size)
            going = True
            while going:
                with self.cond:
                    if self.over:
                        return
                    now, fresh = self.rows, self.fresh
                for i in mine:
                    fresh[i] = list(self.kernel(now[i - 1 if i else 0], now[i], now[i + 1 if i + 1 < count else i]))
                going = self.meet()
        except BaseException as exc:
            self.fail(exc)


def simulate(
    grid: Sequence[Sequence[float]],
    steps: int,
    *,
    workers: int,
    kernel: Callable[[Row, Row, Row], Row],
    on_step: Callable[[int, float], bool | None] | None = None,
) -> list[list[float]]:
    if workers < 1 or steps < 0:
        raise ValueError("at least one worker, and no negative steps")
    rows = [list(row) for row in grid]
    if not steps:
        return rows
    team = _Team(rows, steps, min(workers, len(rows)), kernel, on_step)
    team.fresh = [None] * len(rows)
    helpers: list[threading.Thread] = []
    try:
        for k in range(1, team.size):
            helper = threading.Thread(target=team.run, args=(k,))
            helper.start()
            helpers.append(helper)
        team.run(0)
        for helper in helpers:
            helper.join()
    except BaseException as exc:
        team.fail(exc)
        for helper in helpers:
            helper.join()
        raise
    if team.error is not None:
        raise team.error
    return team.rows
